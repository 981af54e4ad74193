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
    return migrator
  }
}
