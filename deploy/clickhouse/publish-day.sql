-- Run once, on any node, when every shard has run load-day.sql.

-- One row a table and place. Hashes are summed modulo 2^64, so the shards together must be what the
-- sealed files are: do not go on unless each table's two rows are equal and every shard is counted.
SELECT * FROM
(
SELECT tab, 'shards' AS place, uniqExact(shard) AS shards, sum(rows) AS rows, sum(hash) AS hash
FROM
(
  SELECT _shard_num AS shard, tab, argMax(rows, at) AS rows, argMax(hash, at) AS hash
  FROM vamo.applied_all
  WHERE day = {day:Date} AND generation = {generation:Int64} AND digest = {digest:String}
  GROUP BY shard, tab
)
GROUP BY tab
UNION ALL
SELECT 'events' AS tab, 'file' AS place, 0 AS shards, count() AS rows,
  sum(cityHash64(
    campaign_id, event_time, kind, event_id, arrival_ms, advertiser_id, task, budget, status,
    cpa_limit, auction_id, pv, pv_sigma, bid, slot, exposed, shown, cost, competing_1, competing_2,
    competing_3, model_version, outcome_id, gmv, direct_gmv, order_id, items
  )) AS hash
FROM s3({url_events:String}, 'Arrow',
'
  campaign_id String, event_time Int64, kind String, event_id String, arrival_ms Int64,
  advertiser_id String, task String, budget Int64, status String, cpa_limit Int64,
  auction_id String, pv Int64, pv_sigma Int64, bid Int64, slot Int64, exposed Int64, shown Int64,
  cost Int64, competing_1 Int64, competing_2 Int64, competing_3 Int64, model_version String,
  outcome_id String, gmv Int64, direct_gmv Int64, order_id String, items Int64
')
UNION ALL
SELECT 'steps' AS tab, 'file' AS place, 0 AS shards, count() AS rows,
  sum(cityHash64(
    campaign_id, advertiser_id, task, step, outcomes, pv, bid, wins, exposures, cost, lwc, pv_won,
    reward_seen, reward_attributed, budget, remaining, active
  )) AS hash
FROM s3({url_steps:String}, 'Arrow',
'
  campaign_id String, advertiser_id String, task String, step Int64, outcomes Int64, pv Int64,
  bid Int64, wins Int64, exposures Int64, cost Int64, lwc Int64, pv_won Int64, reward_seen Int64,
  reward_attributed Int64, budget Int64, remaining Int64, active Int64
')
)
ORDER BY tab, place;

-- From here on readers see the new generation, on all shards at once.
INSERT INTO vamo.current_generation
SELECT {day:Date} AS day, {generation:Int64} AS generation, now64(3) AS at
SETTINGS insert_quorum = 'auto', insert_quorum_parallel = 0;

-- When no query that began before is still running: the former generation goes, here number 0.
ALTER TABLE vamo.events_local ON CLUSTER '{cluster}' DROP PARTITION ('2026-01-05', 0);

ALTER TABLE vamo.steps_local ON CLUSTER '{cluster}' DROP PARTITION ('2026-01-05', 0);
