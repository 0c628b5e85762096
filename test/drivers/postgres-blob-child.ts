/** Puts blobs for ever, or with `half` one that never ends; it is killed. */
import { blob } from '../../adapters/drivers/postgres/index.ts'
import type { PostgresBlobOptions } from '../../adapters/drivers/postgres/index.ts'
import { driverContext } from '../../core/tools/conformance/drivers/harness.ts'

const [options, how] = process.argv.slice(2) as [string, string]
const driver = await blob(JSON.parse(options) as PostgresBlobOptions, driverContext({}))
const metadata = { httpMetadata: {}, customMetadata: {} }
if (how === 'half') {
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      controller.enqueue(new Uint8Array(64 * 1024))
      process.send?.('writing')
      await new Promise((resolve) => setTimeout(resolve, 20))
    },
  })
  await driver.put('half', endless, metadata)
}
for (let count = 1; ; count++) {
  await driver.put('counted', new TextEncoder().encode(`${count} `.repeat(1000)), metadata)
  process.send?.(count)
}
