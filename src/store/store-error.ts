import { isVamoError, systemCode, VamoError } from '../core/index.ts';

/** The system's ways of saying that no more bytes fit: disk, quota, file size limit. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** A failed call on the file system as STORE_FULL or STORE_IO, naming what was attempted. */
export function storeError(error: unknown, attempt: string): VamoError {
  if (isVamoError(error)) return error;
  const code = systemCode(error);
  const reason = error instanceof Error ? error.message : String(error);
  return new VamoError(
    code !== undefined && FULL.has(code) ? 'STORE_FULL' : 'STORE_IO',
    `${attempt}: ${reason}`,
    { details: { attempt, system: code }, cause: error },
  );
}
