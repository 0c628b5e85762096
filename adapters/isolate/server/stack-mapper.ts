import { SourceMapper } from '../../node-server/runtime/source-mapper.ts'

export type { SourcePlace } from '../../node-server/runtime/source-mapper.ts'

/** Largest source map that is read: it is parsed on the thread that all tenants share. */
const MAX_BYTES = 8 * 1024 * 1024
/** Where the host's own frames begin: none of the app's concern. */
const BOUNDARY = /\n\s+at \(<isolated-vm boundary>\)[\s\S]*$/

/**
 * Turns places of the bundle into those of the app's sources, by the map that the build leaves beside it
 * (`app.js.map`).
 */
export class StackMapper extends SourceMapper {
  /** @param map Path of the map. */
  constructor(map: string) {
    super({ map, names: ['app.js'], maxBytes: MAX_BYTES })
  }

  /** A text without the host's frames, its stack traces mapped. */
  override text(text: string): string {
    return super.text(text.replace(BOUNDARY, ''))
  }
}
