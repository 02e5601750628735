import { writeFile } from 'node:fs/promises';
import { errorsDocument } from './errors-document.ts';

await writeFile(new URL('../docs/reference/errors.md', import.meta.url), errorsDocument());
