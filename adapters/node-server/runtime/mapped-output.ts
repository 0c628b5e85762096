import process from 'node:process'
import { BUILT } from '../../../core/runtime/built.ts'
import { SourceMapper } from './source-mapper.ts'

let installed = false

/**
 * Rewrites places of the bundle in all output of this process to places in the app's own files
 * (`src/app.ts:12:5` for `file:///app/server.mjs:1:48213`). `bundle` is the artifact's `import.meta.url`.
 *
 * The stacks of errors are not changed: error collection services find the map by its debug id and expect
 * places of the bundle. Rejected: Node's --enable-source-maps, which holds each map from the start and maps
 * each stack that is read, printed or not.
 */
export function mapOutput(bundle: string): void {
  // With several copies of this module in one process, the first installs the mapping of output to source
  // places. Unbuilt sources have no source map.
  if (!BUILT || installed) return
  installed = true
  const { fileURLToPath } = process.getBuiltinModule('node:url')
  const path = fileURLToPath(bundle)
  const mapper = new SourceMapper({ map: `${path}.map`, names: [bundle] })
  for (const name of ['stdout', 'stderr'] as const) {
    // The getter of `process.stdout` or `process.stderr` is wrapped, since Node opens stdout and stderr at
    // first use and many processes never use them.
    const stream = Object.getOwnPropertyDescriptor(process, name)
    if (stream?.get !== undefined)
      Object.defineProperty(process, name, {
        configurable: true,
        enumerable: true,
        get: () => mapWrites(stream.get?.call(process) as NodeJS.WriteStream, mapper),
      })
  }
}

const mapped = new WeakSet<NodeJS.WriteStream>()

function mapWrites(stream: NodeJS.WriteStream, mapper: SourceMapper): NodeJS.WriteStream {
  if (mapped.has(stream)) return stream
  mapped.add(stream)
  const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean
  stream.write = (chunk: unknown, ...rest: unknown[]) =>
    write(typeof chunk === 'string' ? mapper.text(chunk) : chunk, ...rest)
  return stream
}
