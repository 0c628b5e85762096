import { parse as parseCsv } from 'csv-parse/sync'
import { XMLBuilder, XMLParser } from 'fast-xml-parser'
import { pack, unpack } from 'msgpackr'
import Papa from 'papaparse'
import qs from 'qs'
import { defineApp } from 'unmoor'
import YAML from 'yaml'

export default defineApp({
  async fetch(request) {
    const { pathname, search } = new URL(request.url)
    const text = await request.text()
    switch (pathname) {
      case '/papaparse': {
        const { data, errors, meta } = Papa.parse(text, {
          header: true,
          dynamicTyping: true,
          skipEmptyLines: true,
        })
        return Response.json({ data, errors, fields: meta.fields, back: Papa.unparse(data as object[]) })
      }
      case '/csv-parse':
        return Response.json(parseCsv(text, { columns: true, trim: true, skip_empty_lines: true }))
      case '/xml': {
        const parsed: unknown = new XMLParser({ ignoreAttributes: false }).parse(text)
        return Response.json({
          parsed,
          back: new XMLBuilder({ ignoreAttributes: false, format: true }).build(parsed),
        })
      }
      case '/yaml':
        return Response.json({ parsed: YAML.parse(text) as unknown, back: YAML.stringify(YAML.parse(text)) })
      case '/msgpack': {
        const bytes = pack({
          text,
          big: 2n ** 40n,
          bytes: new Uint8Array([1, 2]),
          date: new Date(0),
          list: [1.5, null, true],
        })
        const back = unpack(bytes) as { big: number; date: Date }
        return Response.json({ hex: bytes.toHex(), big: String(back.big), date: back.date.toISOString() })
      }
      default:
        return Response.json({
          parsed: qs.parse(search, { ignoreQueryPrefix: true }),
          back: qs.stringify({ a: { b: ['c', 'ä'] } }),
        })
    }
  },
})
