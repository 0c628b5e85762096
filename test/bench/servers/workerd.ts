/** A Worker in workerd, through Miniflare: `node workerd.ts FILE COMPATIBILITY_DATE [FLAG...]`. The same settings serve ours and the bare one. */
import { dirname } from 'node:path'
import { Miniflare } from 'miniflare'

const [file, compatibilityDate, ...compatibilityFlags] = process.argv.slice(2) as [string, string, ...string[]]
const miniflare = new Miniflare({
  host: '127.0.0.1',
  port: 0,
  modules: [{ type: 'ESModule', path: file }],
  modulesRoot: dirname(file),
  compatibilityDate,
  compatibilityFlags,
})
const url = await miniflare.ready
process.send?.({ url: url.origin })
process.on('disconnect', () => void miniflare.dispose().then(() => process.exit(0)))
