import { sha256, stableJson } from '../core/index.ts';

/** A document that carries the digest of the rest of itself. */
export type Checked<T> = T & { readonly checksum: string };

const checksumOf = (document: object): string =>
  sha256(stableJson({ ...document, checksum: undefined }));

/** The document with its checksum: SHA-256 of its other members as stable JSON. */
export function withChecksum<T extends object>(document: T): Checked<T> {
  return { ...document, checksum: checksumOf(document) };
}

/** Whether a document read back is the one its checksum was made of. */
export function hasItsChecksum(document: Checked<object>): boolean {
  return document.checksum === checksumOf(document);
}
