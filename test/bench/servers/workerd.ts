/**
 * A Worker in workerd, through Miniflare: `node workerd.ts FILE COMPATIBILITY_DATE [FLAG...]`. The same
 * settings serve ours and the bare one.
 */
import { readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { loadMiniflare } from '../../../adapters/cloudflare/local/miniflare.ts'

const [file, compatibilityDate, ...compatibilityFlags] = process.argv.slice(2) as [
  string,
  string,
  ...string[],
]
const mainModule = basename(file)
const manifest = {
  mainModule,
  modulesRoot: dirname(file),
  modules: { [mainModule]: { type: 'esm' as const, contents: readFileSync(file, 'utf8') } },
}
const simulator = new (loadMiniflare().miniflare.Miniflare)({
  workers: [{ config: { name: 'bench', compatibilityDate, compatibilityFlags, manifest } }],
  host: '127.0.0.1',
  port: 0,
})
const url = await simulator.ready
process.send?.({ url: url.origin })
process.on('disconnect', () => void simulator.dispose().then(() => process.exit(0)))
