-- The queryable copy on a cluster: shards by campaign, replicas by Keeper. Run once, on any node.
-- The macros {cluster}, {shard} and {replica} come from each server's configuration.
--
-- A generation of a day is a partition of its own. Both generations stand there until
-- current_generation names the new one, so readers see all shards change at once.

CREATE DATABASE IF NOT EXISTS vamo ON CLUSTER '{cluster}';

CREATE TABLE IF NOT EXISTS vamo.events_local ON CLUSTER '{cluster}'
(
  day Date, generation Int64,
  campaign_id String, event_time Int64, kind String, event_id String, arrival_ms Int64,
  advertiser_id String, task String, budget Int64, status String, cpa_limit Int64,
  auction_id String, pv Int64, pv_sigma Int64, bid Int64, slot Int64, exposed Int64, shown Int64,
  cost Int64, competing_1 Int64, competing_2 Int64, competing_3 Int64, model_version String,
  outcome_id String, gmv Int64, direct_gmv Int64, order_id String, items Int64
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/vamo/events_local', '{replica}')
PARTITION BY (day, generation)
ORDER BY (campaign_id, event_time, kind, event_id);

CREATE TABLE IF NOT EXISTS vamo.events_stage ON CLUSTER '{cluster}'
(
  day Date, generation Int64,
  campaign_id String, event_time Int64, kind String, event_id String, arrival_ms Int64,
  advertiser_id String, task String, budget Int64, status String, cpa_limit Int64,
  auction_id String, pv Int64, pv_sigma Int64, bid Int64, slot Int64, exposed Int64, shown Int64,
  cost Int64, competing_1 Int64, competing_2 Int64, competing_3 Int64, model_version String,
  outcome_id String, gmv Int64, direct_gmv Int64, order_id String, items Int64
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/vamo/events_stage', '{replica}')
PARTITION BY (day, generation)
ORDER BY (campaign_id, event_time, kind, event_id);

CREATE TABLE IF NOT EXISTS vamo.steps_local ON CLUSTER '{cluster}'
(
  day Date, generation Int64,
  campaign_id String, advertiser_id String, task String, step Int64, outcomes Int64, pv Int64,
  bid Int64, wins Int64, exposures Int64, cost Int64, lwc Int64, pv_won Int64, reward_seen Int64,
  reward_attributed Int64, budget Int64, remaining Int64, active Int64
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/vamo/steps_local', '{replica}')
PARTITION BY (day, generation)
ORDER BY (campaign_id, step);

CREATE TABLE IF NOT EXISTS vamo.steps_stage ON CLUSTER '{cluster}'
(
  day Date, generation Int64,
  campaign_id String, advertiser_id String, task String, step Int64, outcomes Int64, pv Int64,
  bid Int64, wins Int64, exposures Int64, cost Int64, lwc Int64, pv_won Int64, reward_seen Int64,
  reward_attributed Int64, budget Int64, remaining Int64, active Int64
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/vamo/steps_stage', '{replica}')
PARTITION BY (day, generation)
ORDER BY (campaign_id, step);

-- What a shard holds: written last, by the shard's one loader.
CREATE TABLE IF NOT EXISTS vamo.applied_local ON CLUSTER '{cluster}'
(day Date, generation Int64, tab String, digest String, rows UInt64, hash UInt64, at DateTime64(3))
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/vamo/applied_local', '{replica}')
ORDER BY (day, generation, tab);

-- The same on every node of every shard: the path has no shard in it.
CREATE TABLE IF NOT EXISTS vamo.current_generation ON CLUSTER '{cluster}'
(day Date, generation Int64, at DateTime64(3))
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/all/vamo/current_generation', '{shard}-{replica}', at)
ORDER BY day;

CREATE TABLE IF NOT EXISTS vamo.events_all ON CLUSTER '{cluster}' AS vamo.events_local
ENGINE = Distributed('{cluster}', vamo, events_local, cityHash64(campaign_id));

CREATE TABLE IF NOT EXISTS vamo.steps_all ON CLUSTER '{cluster}' AS vamo.steps_local
ENGINE = Distributed('{cluster}', vamo, steps_local, cityHash64(campaign_id));

CREATE TABLE IF NOT EXISTS vamo.applied_all ON CLUSTER '{cluster}' AS vamo.applied_local
ENGINE = Distributed('{cluster}', vamo, applied_local);

-- What readers ask. GLOBAL: the node that is asked decides for all shards.
CREATE VIEW IF NOT EXISTS vamo.events ON CLUSTER '{cluster}' AS
SELECT * FROM vamo.events_all
WHERE (day, generation) GLOBAL IN (SELECT day, generation FROM vamo.current_generation FINAL);

-- What readers ask. GLOBAL: the node that is asked decides for all shards.
CREATE VIEW IF NOT EXISTS vamo.steps ON CLUSTER '{cluster}' AS
SELECT * FROM vamo.steps_all
WHERE (day, generation) GLOBAL IN (SELECT day, generation FROM vamo.current_generation FINAL);
