/** A record as a source gives it and a sink takes it: undecoded. */
export interface SourceRecord {
  /** Routes to a partition: equal keys, equal partition (the campaign id). */
  readonly key: string;
  /** Kafka: the record's timestamp. File: a field of the line. Non-decreasing in a partition. */
  readonly arrivalMs: number;
  /** The event's JSON text; may be anything, bad records are dead-lettered. */
  readonly value: string;
}
