import { VamoError } from '../core/index.ts';

const SEGMENT = /^[A-Za-z0-9_=+@,-][A-Za-z0-9_=+@,.-]{0,199}$/;

/** The key as given. @throws VamoError STORE_IO when no store could hold it */
export function validKey(key: string): string {
  if (!key.split('/').every((segment) => SEGMENT.test(segment)))
    throw new VamoError('STORE_IO', `"${key}" is not a key of the store`, {
      details: { key },
      mend: 'Names may hold letters, digits and _ = + @ , . - and may not begin with a dot.',
    });
  return key;
}

/** The folder that a listing names, with or without a slash at its end. */
export const validFolder = (prefix: string): string => validKey(prefix.replace(/\/$/, ''));

/** @param place names the store, for people */
export const notFound = (key: string, place: string): VamoError =>
  new VamoError('STORE_NOT_FOUND', `${key} is not in ${place}`, { details: { key } });
