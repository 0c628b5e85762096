/**
 * The floor of `build.all`: bundles ENTRY with rolldown N times at once and writes nothing else:
 * `node rolldown.ts ENTRY OUT_DIR N`.
 */
import { bundleBare } from '../bundle-bare.ts'

const [entry, outDir, count] = process.argv.slice(2) as [string, string, string]
await Promise.all(
  Array.from({ length: Number(count) }, (_, index) => bundleBare(entry, `${outDir}/${index}.mjs`)),
)
