-- Crashes of a fleet, from the reports in an object store: those that `notify_url https://STORE/crashes/{hive}` in kdump.conf
-- sends, and `kdumpling upload --report --json ID https://STORE/crashes/{hive}`. One report is one object,
--   date=2026-11-26/signature=null-pointer-4c59160aaaf7/web7-20261126T100955Z.json
-- with one line in it: the document of `kdumpling report --json`, which kdumpling-json(5) describes.
--
-- The first statement is for DuckDB. It reads the reports once, from a folder or, with the extension httpfs, from s3:// or gs://
--   SET VARIABLE reports = 's3://STORE/crashes/*/*/*.json';
-- Another engine needs its own first statement, over an external table with the same members and the partition columns
-- `date` and `signature` (format JSON, one object a line, unknown members ignored). The views below it are standard SQL.
-- Times are UTC. A clock that had not been set says nothing about time: such crashes are counted, and have no `crashed`.

CREATE OR REPLACE TABLE crashes AS
SELECT
  signature,
  host,
  id,
  kernel.release AS kernel,
  crash.class AS class,
  crash.blame AS blame,
  summary,
  saved.state AS dump,
  CASE WHEN "when"."by" <> 'unset clock' THEN CAST("when".crashed AS TIMESTAMP) END AS crashed
FROM read_json(
  getvariable('reports'),
  format = 'newline_delimited',
  hive_partitioning = true,
  hive_types = {'date': DATE, 'signature': VARCHAR},
  columns = {
    id: 'VARCHAR',
    host: 'VARCHAR',
    summary: 'VARCHAR',
    crash: 'STRUCT(class VARCHAR, blame VARCHAR)',
    kernel: 'STRUCT(release VARCHAR)',
    "when": 'STRUCT(crashed VARCHAR, "by" VARCHAR)',
    saved: 'STRUCT(state VARCHAR)'
  }
);

-- What crashes most, where to look first, since when, and on how many machines.
CREATE OR REPLACE VIEW by_signature AS
SELECT
  signature,
  min(class) AS class,
  min(blame) AS blame,
  count(*) AS crashes,
  count(DISTINCT host) AS machines,
  count(DISTINCT kernel) AS kernels,
  min(crashed) AS first_seen,
  max(crashed) AS last_seen
FROM crashes
GROUP BY signature;

-- Which kernels crash, and of how many causes.
CREATE OR REPLACE VIEW by_kernel AS
SELECT
  kernel,
  count(*) AS crashes,
  count(DISTINCT host) AS machines,
  count(DISTINCT signature) AS signatures,
  min(crashed) AS first_seen,
  max(crashed) AS last_seen
FROM crashes
GROUP BY kernel;

-- Whether it becomes better or worse. Weeks begin on Monday.
CREATE OR REPLACE VIEW by_week AS
SELECT
  date_trunc('week', crashed) AS week,
  kernel,
  signature,
  count(*) AS crashes,
  count(DISTINCT host) AS machines
FROM crashes
WHERE crashed IS NOT NULL
GROUP BY date_trunc('week', crashed), kernel, signature;

-- Machines that crash again and again: of one cause it is the machine's load, of many causes its hardware.
CREATE OR REPLACE VIEW by_machine AS
SELECT
  host,
  count(*) AS crashes,
  count(DISTINCT signature) AS signatures,
  max(crashed) AS last_seen
FROM crashes
WHERE host IS NOT NULL
GROUP BY host;

-- What a kernel brought with it: signatures that no kernel had which was in the fleet before this one. A kernel's roll-out
-- is its first crash. The fleet's first kernel is left out: with nothing before it, all its crashes would be new.
CREATE OR REPLACE VIEW new_since_rollout AS
WITH
  rollouts AS (
    SELECT kernel, min(crashed) AS rolled_out FROM crashes WHERE crashed IS NOT NULL GROUP BY kernel
  ),
  hits AS (
    SELECT
      kernel,
      signature,
      min(blame) AS blame,
      count(*) AS crashes,
      count(DISTINCT host) AS machines,
      min(crashed) AS first_seen
    FROM crashes
    GROUP BY kernel, signature
  )
SELECT
  rollouts.kernel,
  rollouts.rolled_out,
  hits.signature,
  hits.blame,
  hits.crashes,
  hits.machines,
  hits.first_seen
FROM hits
JOIN rollouts ON rollouts.kernel = hits.kernel
WHERE EXISTS (SELECT 1 FROM rollouts AS earlier WHERE earlier.rolled_out < rollouts.rolled_out)
  AND NOT EXISTS (
    SELECT 1
    FROM hits AS before
    JOIN rollouts AS earlier ON earlier.kernel = before.kernel
    WHERE before.signature = hits.signature AND earlier.rolled_out < rollouts.rolled_out
  );

SELECT * FROM by_signature ORDER BY crashes DESC, signature LIMIT 10;
SELECT * FROM by_kernel ORDER BY first_seen;
SELECT week, sum(crashes) AS crashes, count(DISTINCT signature) AS signatures FROM by_week GROUP BY week ORDER BY week DESC LIMIT 10;
SELECT * FROM by_machine ORDER BY crashes DESC, host LIMIT 10;
SELECT kernel, signature, blame, crashes, machines, first_seen FROM new_since_rollout ORDER BY rolled_out, crashes DESC, signature;
