internal import GRDB

/// The tables of the store and how they came about.
///
/// What is asked for by itself is a column; what is only ever read whole (a scenario, the host, an attestation) is a
/// JSON document in one. Points in time are REAL seconds since 2001-01-01 UTC, the form in which `Date` holds them: a
/// time of any other origin would not come back equal. (`datetime(started + 978307200, 'unixepoch')` shows one.)
/// Unsigned 64-bit numbers are stored as the signed ones with the same bits.
enum Schema {
  /// Marks the file as ours ("bnch"), so that a database of another program is never altered.
  static let applicationID: Int32 = 0x626e_6368

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    // A migration that has been released is never edited: stores that have it would differ from those that get it.
    migrator.registerMigration("1 runs, blocks and trials") { db in
      try db.execute(
        sql: """
          CREATE TABLE runs (
            id TEXT NOT NULL PRIMARY KEY,
            scenario TEXT NOT NULL,
            profile TEXT NOT NULL,
            started REAL NOT NULL,
            finished REAL,
            exit TEXT NOT NULL,
            stop_reason TEXT,
            seed INTEGER NOT NULL,
            version TEXT NOT NULL,
            command TEXT NOT NULL,
            worker_sha256 TEXT NOT NULL,
            injection TEXT,
            scenario_json TEXT NOT NULL,
            profile_json TEXT NOT NULL,
            environments_json TEXT NOT NULL,
            workloads_json TEXT NOT NULL,
            host_json TEXT NOT NULL,
            warnings_json TEXT NOT NULL
          ) STRICT;
          CREATE INDEX runs_by_start ON runs (started);

          CREATE TABLE blocks (
            run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE ON UPDATE CASCADE,
            number INTEGER NOT NULL,
            noise_class TEXT NOT NULL,
            void_reasons_json TEXT NOT NULL,
            PRIMARY KEY (run, number)
          ) STRICT, WITHOUT ROWID;

          CREATE TABLE trials (
            id INTEGER PRIMARY KEY,
            run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE ON UPDATE CASCADE,
            block INTEGER NOT NULL,
            position INTEGER NOT NULL,
            environment TEXT NOT NULL,
            is_control INTEGER NOT NULL CHECK (is_control IN (0, 1)),
            workload TEXT NOT NULL,
            started REAL NOT NULL,
            window_ns INTEGER NOT NULL,
            sent INTEGER NOT NULL,
            completed INTEGER NOT NULL,
            lost INTEGER NOT NULL,
            late INTEGER NOT NULL,
            duplicate INTEGER NOT NULL,
            foreign_messages INTEGER NOT NULL,
            attestation_json TEXT NOT NULL,
            noise_json TEXT NOT NULL,
            histogram BLOB NOT NULL,
            UNIQUE (run, block, workload, environment, is_control)
          ) STRICT;

          CREATE TABLE trial_values (
            trial INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
            metric TEXT NOT NULL,
            value REAL,
            unavailable TEXT,
            PRIMARY KEY (trial, metric),
            CHECK (value IS NOT NULL OR unavailable IS NOT NULL)
          ) STRICT, WITHOUT ROWID;
          """)
      try db.execute(sql: "PRAGMA application_id = \(applicationID)")
    }
    // What makes a trial unique cannot be changed in place, so its table is made anew
    // (https://sqlite.org/lang_altertable.html#otheralter).
    migrator.registerMigration("2 captured trials") { db in
      try db.execute(
        sql: """
          ALTER TABLE runs ADD COLUMN capture_json TEXT NOT NULL
            DEFAULT '{"unavailable":"packets were not captured in this run"}';

          CREATE TABLE new_trials (
            id INTEGER PRIMARY KEY,
            run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE ON UPDATE CASCADE,
            block INTEGER NOT NULL,
            position INTEGER NOT NULL,
            environment TEXT NOT NULL,
            is_control INTEGER NOT NULL CHECK (is_control IN (0, 1)),
            is_captured INTEGER NOT NULL CHECK (is_captured IN (0, 1)),
            workload TEXT NOT NULL,
            started REAL NOT NULL,
            window_ns INTEGER NOT NULL,
            sent INTEGER NOT NULL,
            completed INTEGER NOT NULL,
            lost INTEGER NOT NULL,
            late INTEGER NOT NULL,
            duplicate INTEGER NOT NULL,
            foreign_messages INTEGER NOT NULL,
            attestation_json TEXT NOT NULL,
            noise_json TEXT NOT NULL,
            hops_json TEXT,
            histogram BLOB NOT NULL,
            UNIQUE (run, block, workload, environment, is_control, is_captured)
          ) STRICT;
          INSERT INTO new_trials
            SELECT id, run, block, position, environment, is_control, 0, workload, started, window_ns, sent, completed,
              lost, late, duplicate, foreign_messages, attestation_json, noise_json, NULL, histogram
            FROM trials;
          DROP TABLE trials;
          ALTER TABLE new_trials RENAME TO trials;
          """)
    }
    migrator.registerMigration("3 address families") { db in
      try db.execute(sql: "ALTER TABLE runs ADD COLUMN family TEXT NOT NULL DEFAULT 'ipv4'")
    }
    // Environments and workloads are documents: what they have gained since needs no column.
    migrator.registerMigration("4 images and references") { db in
      try db.execute(sql: "ALTER TABLE trials ADD COLUMN growth_json TEXT")
    }
    migrator.registerMigration("5 nights and their history") { db in
      try db.execute(
        sql: """
          ALTER TABLE runs ADD COLUMN reference_worker TEXT;

          -- The same fingerprint may come again, as another epoch: see NightRows.epoch.
          CREATE TABLE epochs (
            number INTEGER PRIMARY KEY,
            started REAL NOT NULL,
            fingerprint_json TEXT NOT NULL
          ) STRICT;

          -- History is in the order of number, whatever the clock said: a night gets the next one when it begins.
          -- AUTOINCREMENT, so that no night is given the number of one that was removed.
          CREATE TABLE nights (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            suite TEXT NOT NULL,
            suite_digest TEXT NOT NULL,
            started REAL NOT NULL,
            finished REAL,
            phase TEXT NOT NULL,
            epoch INTEGER REFERENCES epochs (number),
            host_json TEXT NOT NULL,
            worker_sha256 TEXT NOT NULL,
            baseline_sha256 TEXT,
            version TEXT NOT NULL,
            seed INTEGER NOT NULL,
            verdict TEXT,
            reason TEXT,
            is_imported INTEGER NOT NULL CHECK (is_imported IN (0, 1)),
            result_json TEXT,
            -- Of each series of the result, its recent values, as IEEE 754: half of the result if it were text.
            recent BLOB,
            CHECK ((phase = 'finished') = (result_json IS NOT NULL))
          ) STRICT;
          CREATE INDEX nights_by_epoch ON nights (epoch);

          -- A run that was removed is still named by its night.
          CREATE TABLE night_runs (
            night INTEGER NOT NULL REFERENCES nights (number) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            role TEXT NOT NULL,
            place INTEGER NOT NULL,
            run TEXT NOT NULL,
            PRIMARY KEY (night, position)
          ) STRICT, WITHOUT ROWID;
          CREATE INDEX night_runs_by_run ON night_runs (run);

          CREATE TABLE series (
            id INTEGER PRIMARY KEY,
            scenario TEXT NOT NULL,
            workload TEXT NOT NULL,
            environment TEXT NOT NULL,
            metric TEXT NOT NULL,
            quantity TEXT NOT NULL,
            UNIQUE (scenario, workload, environment, metric, quantity)
          ) STRICT;

          -- By series first: one series' history, and many series', are ranges of the tree. No REFERENCES to the night:
          -- without an index of its own, which would take as much room as the values, each removal of a night would
          -- search them all. They go with it by one statement for all nights (NightRows.remove).
          CREATE TABLE night_values (
            series INTEGER NOT NULL REFERENCES series (id),
            night INTEGER NOT NULL,
            value REAL NOT NULL,
            low REAL,
            high REAL,
            PRIMARY KEY (series, night)
          ) STRICT, WITHOUT ROWID;

          CREATE TABLE baseline (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            worker_sha256 TEXT NOT NULL,
            origin TEXT,
            pinned REAL NOT NULL,
            is_manual INTEGER NOT NULL CHECK (is_manual IN (0, 1)),
            fingerprint_json TEXT NOT NULL
          ) STRICT;
          """)
    }
    return migrator
  }
}
