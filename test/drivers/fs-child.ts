/** A process that begins a put and never ends it, for fs-files.test.ts: `node fs-child.ts DATA_DIR`. */
import { blob } from '../../adapters/drivers/fs/index.ts'
import { blob as declareBlob } from '../../core/bindings/declarations.ts'

const driver = await blob(
  {},
  {
    binding: 'things',
    app: 'test',
    declaration: declareBlob(),
    dataDir: process.argv[2],
    variable: () => undefined,
    now: Date.now,
  },
)
const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
  async pull(controller) {
    controller.enqueue(new Uint8Array(100_000))
    await new Promise((resolve) => setTimeout(resolve, 50))
  },
})
await driver.put('big', endless, { httpMetadata: {}, customMetadata: {} })
