-- One generation of one day, loaded by one loader a shard on a node of that shard: local tables with
-- quorum, never through the Distributed tables, which acknowledge before they deliver. Repeating it is
-- safe: the stage is emptied first, and what stands in the partition goes. Nobody reads a generation
-- that is not published, and REPLACE PARTITION would refuse a shard that gets no rows.
--
-- Parameters: day, generation, digest (of the manifest), url_events and url_steps (the sealed files),
-- shard (from 0) and shards. Partitions are named as text, since ALTER takes no parameters there:
-- put the day and the generation in place of 2026-01-05 and 1.

TRUNCATE TABLE vamo.events_stage;

INSERT INTO vamo.events_stage
SELECT {day:Date} AS day, {generation:Int64} AS generation,
  campaign_id, event_time, kind, event_id, arrival_ms, advertiser_id, task, budget, status,
  cpa_limit, auction_id, pv, pv_sigma, bid, slot, exposed, shown, cost, competing_1, competing_2,
  competing_3, model_version, outcome_id, gmv, direct_gmv, order_id, items
FROM s3({url_events:String}, 'Arrow',
'
  campaign_id String, event_time Int64, kind String, event_id String, arrival_ms Int64,
  advertiser_id String, task String, budget Int64, status String, cpa_limit Int64,
  auction_id String, pv Int64, pv_sigma Int64, bid Int64, slot Int64, exposed Int64, shown Int64,
  cost Int64, competing_1 Int64, competing_2 Int64, competing_3 Int64, model_version String,
  outcome_id String, gmv Int64, direct_gmv Int64, order_id String, items Int64
')
WHERE cityHash64(campaign_id) % {shards:UInt32} = {shard:UInt32}
SETTINGS insert_quorum = 'auto', insert_quorum_parallel = 0, insert_deduplicate = 0;

ALTER TABLE vamo.events_local DROP PARTITION ('2026-01-05', 1);

ALTER TABLE vamo.events_local ATTACH PARTITION ('2026-01-05', 1) FROM vamo.events_stage;

INSERT INTO vamo.applied_local
SELECT {day:Date} AS day, {generation:Int64} AS generation, 'events' AS tab, {digest:String} AS digest,
  count() AS rows,
  sum(cityHash64(
    campaign_id, event_time, kind, event_id, arrival_ms, advertiser_id, task, budget, status,
    cpa_limit, auction_id, pv, pv_sigma, bid, slot, exposed, shown, cost, competing_1, competing_2,
    competing_3, model_version, outcome_id, gmv, direct_gmv, order_id, items
  )) AS hash,
  now64(3) AS at
FROM vamo.events_local
WHERE day = {day:Date} AND generation = {generation:Int64}
SETTINGS insert_quorum = 'auto', insert_quorum_parallel = 0;

TRUNCATE TABLE vamo.steps_stage;

INSERT INTO vamo.steps_stage
SELECT {day:Date} AS day, {generation:Int64} AS generation,
  campaign_id, advertiser_id, task, step, outcomes, pv, bid, wins, exposures, cost, lwc, pv_won,
  reward_seen, reward_attributed, budget, remaining, active
FROM s3({url_steps:String}, 'Arrow',
'
  campaign_id String, advertiser_id String, task String, step Int64, outcomes Int64, pv Int64,
  bid Int64, wins Int64, exposures Int64, cost Int64, lwc Int64, pv_won Int64, reward_seen Int64,
  reward_attributed Int64, budget Int64, remaining Int64, active Int64
')
WHERE cityHash64(campaign_id) % {shards:UInt32} = {shard:UInt32}
SETTINGS insert_quorum = 'auto', insert_quorum_parallel = 0, insert_deduplicate = 0;

ALTER TABLE vamo.steps_local DROP PARTITION ('2026-01-05', 1);

ALTER TABLE vamo.steps_local ATTACH PARTITION ('2026-01-05', 1) FROM vamo.steps_stage;

INSERT INTO vamo.applied_local
SELECT {day:Date} AS day, {generation:Int64} AS generation, 'steps' AS tab, {digest:String} AS digest,
  count() AS rows,
  sum(cityHash64(
    campaign_id, advertiser_id, task, step, outcomes, pv, bid, wins, exposures, cost, lwc, pv_won,
    reward_seen, reward_attributed, budget, remaining, active
  )) AS hash,
  now64(3) AS at
FROM vamo.steps_local
WHERE day = {day:Date} AND generation = {generation:Int64}
SETTINGS insert_quorum = 'auto', insert_quorum_parallel = 0;
