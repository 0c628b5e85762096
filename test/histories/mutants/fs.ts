import type { Mutant } from './mutant.ts'

const BLOBS = 'adapters/drivers/shared/indexed-blobs.js'

const mutant = (
  is: string,
  convicts: readonly string[],
  ...[file, from, to]: readonly [file: string, from: string, to: string]
): Mutant => ({
  is: `fs blob: ${is}`,
  driver: 'fs',
  workload: 'blob',
  convicts,
  patches: [{ file, from, to }],
})

/** The blob that was read last is returned again for a while. */
const CACHED = `async get(key, options) {
        const known = (this.known ??= new Map()).get(key);
        if (known !== undefined && performance.now() < known.until) return known.entry;
        const entry = await this.read(key, options);
        this.known.set(key, { entry, until: performance.now() + 50 });
        return entry;
    }
    async read(key, options) {
        for (let attempt`

export const FS: readonly Mutant[] = [
  mutant(
    'a read is answered from a cache',
    ['stale'],
    BLOBS,
    'async get(key, options) {\n        for (let attempt',
    CACHED,
  ),
  mutant(
    'a put is answered before the index has it',
    ['stale'],
    BLOBS,
    'replaced = await this.#index.replace(record, file, (current) => checkPutConditions(key, current, options));',
    'setTimeout(() => this.#index.replace(record, file, () => {}), 20);',
  ),
  mutant(
    'a delete is not stored',
    ['stale'],
    BLOBS,
    'for (const file of await this.#index.delete(keys, this.#now()))',
    'for (const file of [])',
  ),
  mutant(
    'a long body is cut',
    ['damaged'],
    'adapters/drivers/fs/files.js',
    'return { size, sha256 };',
    'return { size: Math.min(size, 100000), sha256 };',
  ),
  mutant(
    'the old body is removed before the index names the new one',
    ['internal error'],
    BLOBS,
    'replaced = await this.#index.replace(',
    'await this.#bytes.remove((await this.#index.get(key))?.file ?? file + "-none");\n            replaced = await this.#index.replace(',
  ),
]
