import ArgumentParser
import GRDB
import GRDBSQLite
import Hummingbird
import Logging
import ServiceLifecycle
import Yams
import CSystemd
import Metrics
@main struct Gateway: ParsableCommand { func run() { print(sqlite3_libversion_number(), unsafe sd_notify(0, "READY=1")) } }
