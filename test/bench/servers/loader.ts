/** workerd's Worker Loader: each path is a Worker of its own, made at its first request. `node loader.ts FILE COMPATIBILITY_DATE`: FILE is the Worker's one module. */
import { readFileSync } from 'node:fs'
import { Miniflare } from 'miniflare'

const [file, compatibilityDate] = process.argv.slice(2) as [string, string]
const loader = `
const code = ${JSON.stringify(readFileSync(file, 'utf8'))}
export default {
  fetch(request, env) {
    const worker = env.LOADER.get(new URL(request.url).pathname, () => ({ compatibilityDate: ${JSON.stringify(compatibilityDate)}, mainModule: 'main.js', modules: { 'main.js': code } }))
    return worker.getEntrypoint().fetch(request)
  },
}`
const miniflare = new Miniflare({
  host: '127.0.0.1',
  port: 0,
  modules: [{ type: 'ESModule', path: 'loader.mjs', contents: loader }],
  compatibilityDate,
  workerLoaders: { LOADER: {} },
})
const url = await miniflare.ready
process.send?.({ url: url.origin })
process.on('disconnect', () => void miniflare.dispose().then(() => process.exit(0)))
