/**
 * workerd's Worker Loader: each path is a Worker of its own, made at its first request.
 * `node loader.ts FILE COMPATIBILITY_DATE`: FILE is the Worker's one module.
 */
import { readFileSync } from 'node:fs'
import { loadMiniflare } from '../../../adapters/cloudflare/local/miniflare.ts'

const [file, compatibilityDate] = process.argv.slice(2) as [string, string]
const loader = `
const code = ${JSON.stringify(readFileSync(file, 'utf8'))}
export default {
  fetch(request, env) {
    const worker = env.LOADER.get(new URL(request.url).pathname, () => ({ compatibilityDate: ${JSON.stringify(compatibilityDate)}, mainModule: 'main.js', modules: { 'main.js': code } }))
    return worker.getEntrypoint().fetch(request)
  },
}`
const manifest = {
  mainModule: 'loader.js',
  modules: { 'loader.js': { type: 'esm' as const, contents: loader } },
}
const simulator = new (loadMiniflare().miniflare.Miniflare)({
  workers: [
    { config: { name: 'loader', compatibilityDate, manifest, env: { LOADER: { type: 'worker-loader' } } } },
  ],
  host: '127.0.0.1',
  port: 0,
})
const url = await simulator.ready
process.send?.({ url: url.origin })
process.on('disconnect', () => void simulator.dispose().then(() => process.exit(0)))
