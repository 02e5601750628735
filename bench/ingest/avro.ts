import avro from 'avsc';
import { AVRO_OUTCOME, AVRO_SCHEMA, framed } from '../../test/helpers/schema-registry.ts';

/** A schema for each type of event, as producers register them: campaigns and outcomes. */
const CAMPAIGN_ID = 1;
const OUTCOME_ID = 2;

/** What the registry answers. */
export const SCHEMAS = {
  [CAMPAIGN_ID]: { schema: JSON.stringify(AVRO_SCHEMA) },
  [OUTCOME_ID]: { schema: JSON.stringify(AVRO_OUTCOME) },
};

const campaign = avro.Type.forSchema(AVRO_SCHEMA as avro.Schema);
const outcome = avro.Type.forSchema(AVRO_OUTCOME as avro.Schema);
const nothing = Object.fromEntries(AVRO_SCHEMA.fields.map(({ name }) => [name, null]));

/** An event of JSON text as an Avro message in the registry's framing. */
export function toAvro(text: string): Buffer {
  const event = JSON.parse(text) as { readonly kind: string };
  return event.kind === 'outcome'
    ? framed(OUTCOME_ID, outcome.toBuffer({ pv_sigma: 0, model_version: '', ...event }))
    : framed(CAMPAIGN_ID, campaign.toBuffer({ ...nothing, note: '', ...event }));
}
