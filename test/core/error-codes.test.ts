import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorsDocument } from '../../scripts/errors-document.ts';
import { ERROR_CODES, isVamoError, systemCode, VamoError } from '../../src/core/index.ts';

describe('error codes', () => {
  it('are all in docs/reference/errors.md as it stands (run scripts/errors-doc.ts when not)', () => {
    const page = new URL('../../docs/reference/errors.md', import.meta.url);
    expect(readFileSync(page, 'utf8')).toBe(errorsDocument());
  });

  it('have one section each', () => {
    const sections = [...errorsDocument().matchAll(/^## (.*)$/gm)].map(([, code]) => code);
    expect(sections).toEqual(Object.keys(ERROR_CODES).sort());
  });

  it('are upper-case words with advice that is a sentence', () => {
    for (const [code, { mend }] of Object.entries(ERROR_CODES)) {
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
      expect(mend).toMatch(/\.$/);
    }
  });
});

describe('VamoError', () => {
  it('carries its code, advice, details and cause', () => {
    const cause = new Error('disk');
    const error = new VamoError('STORE_FULL', 'no space for a.arrow', {
      details: { file: 'a.arrow' },
      cause,
    });
    expect(error).toMatchObject({
      code: 'STORE_FULL',
      retriable: true,
      mend: ERROR_CODES.STORE_FULL.mend,
      details: { file: 'a.arrow' },
      cause,
    });
    expect(new VamoError('USAGE', 'x', { mend: 'Do y.' }).mend).toBe('Do y.');
    expect(new VamoError('USAGE', 'x')).not.toHaveProperty('cause');
  });

  it('is told from other errors, by code if one is named', () => {
    const error = new VamoError('USAGE', 'x');
    expect(isVamoError(error)).toBe(true);
    expect(isVamoError(error, 'USAGE')).toBe(true);
    expect(isVamoError(error, 'STORE_IO')).toBe(false);
    expect(isVamoError(new Error('x'))).toBe(false);
  });

  it('system codes are read from anything', () => {
    expect(systemCode(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe('ENOENT');
    for (const other of [null, undefined, 'ENOENT', {}, { code: 5 }])
      expect(systemCode(other)).toBeUndefined();
  });
});
