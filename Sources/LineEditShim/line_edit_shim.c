// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "line_edit_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

struct line_edit {
    EditLine *editor;
    History *history;
    char *prompt;
    char *line;
    line_edit_completer completer;
    void *context;
    int wake;
    bool is_interrupted;
    bool has_inserted;
    bool has_shown;
};

static line_edit *owner(EditLine *editor) {
    void *found = NULL;
    el_get(editor, EL_CLIENTDATA, &found);
    return found;
}

static char *give_prompt(EditLine *editor) {
    static char nothing[] = "";
    char *prompt = owner(editor)->prompt;
    return prompt ? prompt : nothing;
}

// One byte from the terminal: 1, 0 at its end, -1 for an error or when a signal has come.
static int read_byte(line_edit *edit, char *byte) {
    for (;;) {
        struct pollfd ready[2] = {
            {.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = edit->wake, .events = POLLIN},
        };
        if (poll(ready, 2, -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return -1;
        }
        if (ready[1].revents) {
            edit->is_interrupted = true;
            return -1;
        }
        ssize_t count = read(STDIN_FILENO, byte, 1);
        if (count >= 0 || errno != EINTR) {
            return (int)count;
        }
    }
}

// One character from the terminal, in place of libedit's own reader, which knows nothing of `wake`.
static int read_character(EditLine *editor, wchar_t *character) {
    line_edit *edit = owner(editor);
    mbstate_t state;
    memset(&state, 0, sizeof state);
    for (;;) {
        char byte;
        int count = read_byte(edit, &byte);
        if (count != 1) {
            return count;
        }
        size_t length = mbrtowc(character, &byte, 1, &state);
        if (length == (size_t)-1) {
            // Not of this encoding: drop it and begin again.
            memset(&state, 0, sizeof state);
        } else if (length != (size_t)-2) {
            return 1;
        }
    }
}

static unsigned char complete(EditLine *editor, int key) {
    (void)key;
    line_edit *edit = owner(editor);
    const LineInfo *info = el_line(editor);
    char *before = strndup(info->buffer, (size_t)(info->cursor - info->buffer));
    if (!before) {
        return CC_ERROR;
    }
    edit->has_inserted = edit->has_shown = false;
    edit->completer(edit->context, edit, before);
    free(before);
    if (edit->has_shown) {
        return CC_REDISPLAY;
    }
    return edit->has_inserted ? CC_REFRESH : CC_ERROR;
}

line_edit *line_edit_create(const char *program, int history_max, int wake,
                            line_edit_completer completer, void *context) {
    // libedit thinks in wide characters; without a locale only ASCII could be typed.
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1) {
        setlocale(LC_CTYPE, "C.UTF-8");
    }
    line_edit *edit = calloc(1, sizeof *edit);
    if (!edit) {
        return NULL;
    }
    edit->completer = completer;
    edit->context = context;
    edit->wake = wake;
    edit->editor = el_init(program, stdin, stdout, stderr);
    edit->history = history_init();
    if (!edit->editor || !edit->history) {
        line_edit_destroy(edit);
        return NULL;
    }
    HistEvent event;
    history(edit->history, &event, H_SETSIZE, history_max);
    history(edit->history, &event, H_SETUNIQUE, 1);
    el_set(edit->editor, EL_CLIENTDATA, edit);
    el_set(edit->editor, EL_EDITOR, "emacs");
    el_set(edit->editor, EL_SIGNAL, 0);
    el_set(edit->editor, EL_PROMPT, give_prompt);
    el_set(edit->editor, EL_HIST, history, edit->history);
    el_set(edit->editor, EL_ADDFN, "sql-complete", "Complete a word of SQL", complete);
    // The user's own bindings (editrc(5)) come last but for Tab.
    (void)el_source(edit->editor, NULL);
    el_set(edit->editor, EL_BIND, "^I", "sql-complete", NULL);
    el_set(edit->editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
    // The narrow variant would hand in a narrow buffer in some versions and a wide one in others.
    el_wset(edit->editor, EL_GETCFN, read_character);
    return edit;
}

int line_edit_read(line_edit *edit, const char *prompt, const char **line) {
    *line = NULL;
    free(edit->prompt);
    free(edit->line);
    edit->prompt = strdup(prompt);
    edit->line = NULL;
    edit->is_interrupted = false;
    // Nobody tells libedit when the window changes, because its signal handling is off.
    el_resize(edit->editor);
    int count = 0;
    const char *typed = el_gets(edit->editor, &count);
    if (edit->is_interrupted) {
        el_reset(edit->editor);
        (void)write(STDOUT_FILENO, "\n", 1);
        return LINE_EDIT_INTERRUPTED;
    }
    if (!typed || count <= 0) {
        return LINE_EDIT_END;
    }
    edit->line = strndup(typed, strcspn(typed, "\n"));
    *line = edit->line;
    return edit->line ? LINE_EDIT_LINE : LINE_EDIT_END;
}

// For completers.

void line_edit_insert(line_edit *edit, const char *text) {
    if (*text && el_insertstr(edit->editor, text) == 0) {
        edit->has_inserted = true;
    }
}

void line_edit_show(line_edit *edit, const char *text) {
    fprintf(stdout, "\n%s\n", text);
    fflush(stdout);
    edit->has_shown = true;
}

// History.

void line_edit_remember(line_edit *edit, const char *text) {
    HistEvent event;
    history(edit->history, &event, H_ENTER, text);
}

int line_edit_load_history(line_edit *edit, const char *path) {
    if (access(path, F_OK) != 0) {
        return 0;
    }
    HistEvent event;
    return history(edit->history, &event, H_LOAD, path) < 0 ? -1 : 0;
}

int line_edit_save_history(line_edit *edit, const char *path) {
    // Made here, so that it is never readable for others, not even for a moment.
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) {
        return -1;
    }
    int rc = fchmod(file, 0600);
    close(file);
    HistEvent event;
    return rc != 0 || history(edit->history, &event, H_SAVE, path) < 0 ? -1 : 0;
}

void line_edit_destroy(line_edit *edit) {
    if (edit->editor) {
        el_end(edit->editor);
    }
    if (edit->history) {
        history_end(edit->history);
    }
    free(edit->prompt);
    free(edit->line);
    free(edit);
}
