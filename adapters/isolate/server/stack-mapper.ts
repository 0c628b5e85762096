import { SourceMapper } from '../../node-server/runtime/source-mapper.ts'

/**
 * Bytes of the largest source map that is read: a map is parsed on the main thread, which all tenants share.
 */
const MAX_BYTES = 8 * 1024 * 1024
/** First of unmoor's own frames at the end of a stack, which do not concern the app. */
const BOUNDARY = 'at (<isolated-vm boundary>)'

/**
 * Maps places in the bundle to places in the app's sources, with the source map that the build writes beside
 * the bundle (`app.js.map`).
 */
export class StackMapper extends SourceMapper {
  /** @param map Path of the source map. */
  constructor(map: string) {
    super({ map, names: ['app.js'], maxBytes: MAX_BYTES })
  }

  /**
   * Returns a text with its stack traces mapped and without unmoor's own frames. Takes time in proportion to
   * the text: an app chooses what it logs, and the main thread maps it.
   */
  override text(text: string): string {
    const end = text.indexOf(BOUNDARY)
    if (end < 0) return super.text(text)
    const before = text.slice(0, end)
    const kept = before.trimEnd()
    // Only a frame has a line of its own.
    return super.text(before.includes('\n', kept.length) ? kept : text)
  }
}
