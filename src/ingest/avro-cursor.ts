/** What is used of a type in an Avro schema, as the registry's package gives it. */
export interface AvroType {
  readonly typeName: string;
  /** Of a union. */
  readonly types?: readonly AvroType[];
  /** Of an enumeration. */
  readonly symbols?: readonly string[];
  /** Of a record. */
  readonly fields?: readonly AvroField[];
  /** Of a fixed number of bytes. */
  readonly size?: number;
  /** Of an array. */
  readonly itemsType?: AvroType;
  /** Of a map. */
  readonly valuesType?: AvroType;
  /** Of a logical type. */
  readonly underlyingType?: AvroType;
}

export interface AvroField {
  readonly name: string;
  readonly type: AvroType;
}

/** The longest variable-length integer; it is exact as a double where JavaScript's are. */
const MOST_VARINT_BYTES = 10;
const DEEPEST = 64;
/** Items that take no bytes, in one message: nothing else bounds how many are claimed. */
const MOST_EMPTY_ITEMS = 65_536;

/** A place in the bytes of an Avro message (Apache Avro 1.12, "Binary encoding"), moved by reading. */
export class AvroCursor {
  bytes: Uint8Array = new Uint8Array();
  at = 0;
  #end = 0;
  #view = new DataView(this.bytes.buffer);
  #emptyItems = 0;

  /** Goes to a message that lies in larger bytes. */
  start(bytes: Uint8Array, from: number, to: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.at = from;
    this.#end = to;
    this.#emptyItems = 0;
  }

  /** Whether all of the message was read, and no more. */
  get isAtEnd(): boolean {
    return this.at === this.#end;
  }

  takeByte(): number | undefined {
    return this.at < this.#end ? this.bytes[this.at++] : undefined;
  }

  /** An int or long; NaN for one that is cut off or has no end. */
  takeLong(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < MOST_VARINT_BYTES && this.at < this.#end; i++) {
      const byte = this.bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
    }
    return Number.NaN;
  }

  /** NaN for one that is cut off, too. */
  takeNumber(typeName: string): number {
    if (typeName === 'int' || typeName === 'long') return this.takeLong();
    const from = this.at;
    const isDouble = typeName === 'double';
    if (!this.#skip(isDouble ? 8 : 4)) return Number.NaN;
    return isDouble ? this.#view.getFloat64(from, true) : this.#view.getFloat32(from, true);
  }

  /** Goes behind a string or bytes. @returns where they begin; -1 when they are cut off */
  takeBytes(): number {
    const length = this.takeLong();
    return this.#skip(length) ? this.at - length : -1;
  }

  /** Goes behind a value of any type. @returns whether it is whole, and could be read */
  pass(type: AvroType, depth = 0): boolean {
    if (depth > DEEPEST) return false;
    const { typeName, types = [], symbols = [], fields = [] } = type;
    switch (typeName) {
      case 'null':
        return true;
      case 'int':
      case 'long':
        return Number.isSafeInteger(this.takeLong());
      case 'string':
      case 'bytes':
        return this.takeBytes() >= 0;
      case 'enum':
        return symbols[this.takeLong()] !== undefined;
      case 'record':
      case 'error':
        return fields.every((field) => this.pass(field.type, depth + 1));
      case 'array':
        return this.#passItems(type.itemsType, depth, false);
      case 'map':
        return this.#passItems(type.valuesType, depth, true);
      case 'union:unwrapped':
      case 'union:wrapped':
        return this.#passOne(types[this.takeLong()], depth);
    }
    if (typeName.startsWith('logical:')) return this.#passOne(type.underlyingType, depth);
    const size = { boolean: 1, float: 4, double: 8, fixed: type.size }[typeName];
    return size !== undefined && this.#skip(size);
  }

  #passOne(type: AvroType | undefined, depth: number): boolean {
    return type !== undefined && this.pass(type, depth + 1);
  }

  /** Blocks of items; the end is one of none. */
  #passItems(type: AvroType | undefined, depth: number, isNamed: boolean): boolean {
    for (;;) {
      const told = this.takeLong();
      // The size in bytes stands behind a negative number of items.
      if (told < 0 && Number.isNaN(this.takeLong())) return false;
      const count = Math.abs(told);
      if (count === 0) return true;
      if (Number.isNaN(count)) return false;
      for (let i = 0; i < count; i++) {
        const from = this.at;
        if (isNamed && this.takeBytes() < 0) return false;
        if (!this.#passOne(type, depth)) return false;
        if (this.at === from && ++this.#emptyItems > MOST_EMPTY_ITEMS) return false;
      }
    }
  }

  #skip(size: number): boolean {
    if (!(size >= 0 && size <= this.#end - this.at)) return false;
    this.at += size;
    return true;
  }
}

/** Whether values of a type hold lists: those tell how many items follow, and need not tell the truth. */
export function holdsLists(type: AvroType, seen = new Set<AvroType>()): boolean {
  if (seen.has(type)) return false;
  seen.add(type);
  const { typeName, types = [], fields = [], underlyingType } = type;
  if (typeName === 'array' || typeName === 'map') return true;
  const parts = [...types, ...fields.map((field) => field.type)];
  if (underlyingType !== undefined) parts.push(underlyingType);
  return parts.some((part) => holdsLists(part, seen));
}
