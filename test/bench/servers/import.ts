/** Imports a module in this fresh process and prints how many milliseconds that took. */
import { pathToFileURL } from 'node:url'

const url = pathToFileURL(process.argv[2] ?? '').href
const begun = performance.now()
await import(url)
console.log(`import took ${performance.now() - begun}`)
process.exit()
