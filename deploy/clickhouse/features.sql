-- Features at cluster scale: the market that each campaign met, by step of the day, over a window.
-- A campaign lives on one shard, so every shard groups its own and sends results, no rows. Sums are of
-- integers: the same whatever the order of reading. Money is in micro-units, predicted values in nano.
--
-- Parameters: from and to (days, inclusive).

SELECT
  campaign_id,
  any(task) AS task,
  step,
  count() AS days,
  sum(outcomes) AS outcomes,
  sum(wins) AS wins,
  sum(exposures) AS exposures,
  sum(cost) AS cost,
  sum(bid) AS bid,
  sum(pv) AS pv,
  sum(lwc) AS least_winning_cost,
  sum(reward_attributed) AS reward
FROM vamo.steps
WHERE day BETWEEN {from:Date} AND {to:Date} AND step < 96
GROUP BY campaign_id, step
ORDER BY campaign_id, step
SETTINGS optimize_skip_unused_shards = 1, optimize_distributed_group_by_sharding_key = 1,
  distributed_group_by_no_merge = 0;
