// SPDX-License-Identifier: Apache-2.0
//
// The contract between Swift and libedit: one editor of lines on this process's terminal.
//
// libedit's own signal handling stays off: it raises signals for the whole process group, and only
// works on the thread that a signal happens to reach. Signal handlers write a byte to a pipe instead;
// when its read end, `wake`, becomes readable, `line_edit_read` puts the terminal back, drops what was
// typed and says LINE_EDIT_INTERRUPTED. Emptying the pipe is the owner's.
//
// An editor belongs to one thread, and a process has at most one. Strings that are passed in are
// copied; pointers that are given out are valid until the next call.
#ifndef LINE_EDIT_SHIM_H
#define LINE_EDIT_SHIM_H

#include <stddef.h>

#pragma clang assume_nonnull begin

typedef struct line_edit line_edit;

enum {
    LINE_EDIT_LINE = 0,        // a line was read
    LINE_EDIT_END = 1,         // Ctrl-D, or the terminal is gone
    LINE_EDIT_INTERRUPTED = 2, // a signal came while the user typed
};

// Called from inside `line_edit_read` when Tab is pressed, with what stands before the cursor. It may
// call `line_edit_insert` and `line_edit_show`, and nothing else here.
typedef void (*line_edit_completer)(void *context, line_edit *edit, const char *before);

// Null when there is no memory or no usable terminal. The context must outlive the editor.
line_edit *_Nullable line_edit_create(const char *program, int history_max, int wake,
                                      line_edit_completer completer, void *context);
// Gives one of the results above; with LINE_EDIT_LINE, `line` has the text without its newline.
int line_edit_read(line_edit *edit, const char *prompt,
                   const char *_Nullable *_Nonnull line);

// For completers: puts text at the cursor.
void line_edit_insert(line_edit *edit, const char *text);
// For completers: shows lines of text below; the prompt comes again behind them.
void line_edit_show(line_edit *edit, const char *text);

void line_edit_remember(line_edit *edit, const char *text);
// 0 or -1. A history that is not there is empty.
int line_edit_load_history(line_edit *edit, const char *path);
// Replaces the file; it can be read and written by its owner only. 0 or -1.
int line_edit_save_history(line_edit *edit, const char *path);

void line_edit_destroy(line_edit *edit);

#pragma clang assume_nonnull end
#endif
