import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Registered {
  readonly schema: string;
  readonly schemaType?: 'AVRO' | 'PROTOBUF' | 'JSON';
}

/** What the registry does with a request. */
type Mood = 'answers' | 'fails' | 'hangs' | 'refuses';

/**
 * A small schema registry that speaks the part of Confluent's HTTP interface that a reader needs:
 * `GET /schemas/ids/ID`.
 */
export async function startRegistry(schemas: Readonly<Record<number, Registered>>) {
  const state = {
    mood: 'answers' as Mood,
    requests: [] as string[],
    authorizations: [] as string[],
  };
  const server: Server = createServer((request, response) => {
    state.requests.push(request.url ?? '');
    state.authorizations.push(request.headers.authorization ?? '');
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' });
      response.end(JSON.stringify(body));
    };
    if (state.mood === 'hangs') return;
    if (state.mood === 'fails') return answer(503, { error_code: 50003, message: 'starting' });
    if (state.mood === 'refuses') return answer(401, { error_code: 401, message: 'no' });
    const id = Number(/^\/schemas\/ids\/(\d+)$/.exec(request.url ?? '')?.[1]);
    const found = schemas[id];
    if (found === undefined) return answer(404, { error_code: 40403, message: 'Schema not found' });
    answer(200, found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    state,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The framing of a message: a zero, the schema's id, the message. */
export function framed(id: number, message: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(id, 1);
  return Buffer.concat([header, message]);
}

const optional = (name: string, type: string) => ({ name, type: ['null', type], default: null });

/** Events of all kinds in one Avro record: what a kind does not have is null. */
export const AVRO_SCHEMA = {
  type: 'record',
  name: 'Event',
  namespace: 'ads',
  fields: [
    { name: 'v', type: 'int' },
    {
      name: 'kind',
      type: { type: 'enum', name: 'Kind', symbols: ['outcome', 'campaign', 'conversion', 'cart'] },
    },
    { name: 'event_id', type: 'string' },
    { name: 'event_time', type: 'long' },
    { name: 'campaign_id', type: 'string' },
    ...['advertiser_id', 'auction_id', 'task', 'model_version', 'outcome_id', 'order_id'].map((n) =>
      optional(n, 'string'),
    ),
    ...['day', 'status'].map((n) => optional(n, 'string')),
    ...['slot', 'shown', 'items'].map((n) => optional(n, 'int')),
    optional('exposed', 'boolean'),
    ...['pv', 'pv_sigma', 'bid', 'cost', 'competing_1', 'competing_2', 'competing_3'].map((n) =>
      optional(n, 'double'),
    ),
    ...['budget', 'cpa_limit', 'gmv', 'direct_gmv'].map((n) => optional(n, 'double')),
    { name: 'note', type: 'string', default: '' },
  ],
};

/** Outcomes alone, all fields there: what a producer of outcomes would register. */
export const AVRO_OUTCOME = {
  type: 'record',
  name: 'Outcome',
  namespace: 'ads',
  fields: [
    { name: 'v', type: 'int' },
    { name: 'kind', type: 'string' },
    { name: 'event_id', type: 'string' },
    { name: 'event_time', type: 'long' },
    ...['campaign_id', 'auction_id', 'task'].map((name) => ({ name, type: 'string' })),
    ...['pv', 'pv_sigma', 'bid'].map((name) => ({ name, type: 'double' })),
    { name: 'slot', type: 'int' },
    { name: 'exposed', type: 'boolean' },
    { name: 'shown', type: 'int' },
    ...['cost', 'competing_1', 'competing_2', 'competing_3'].map((name) => ({
      name,
      type: 'double',
    })),
    { name: 'model_version', type: 'string' },
  ],
};

export const PROTOBUF_SCHEMA = `
syntax = "proto3";
package ads;
message Event {
  int32 v = 1; string kind = 2; string event_id = 3; int64 event_time = 4; string campaign_id = 5;
  string advertiser_id = 6; string task = 7; string day = 8; double budget = 9; string status = 10;
  double cpa_limit = 11; string auction_id = 12; double pv = 13; double pv_sigma = 14; double bid = 15;
  int32 slot = 16; bool exposed = 17; int32 shown = 18; double cost = 19; double competing_1 = 20;
  double competing_2 = 21; double competing_3 = 22; string model_version = 23; string outcome_id = 24;
  double gmv = 25; double direct_gmv = 26; string order_id = 27; int32 items = 28; string note = 29;
}
message Other { string text = 1; }
`;
