import { degrees, PDFDocument, rgb, StandardFonts } from 'pdf-lib'
import { defineApp } from 'unmoor'

const at = new Date(0)
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

async function written(lines: readonly string[]): Promise<Uint8Array> {
  const document = await PDFDocument.create({ updateMetadata: false })
  document.setTitle('Ä title')
  document.setCreationDate(at)
  document.setModificationDate(at)
  const font = await document.embedFont(StandardFonts.Helvetica)
  const page = document.addPage([200, 200])
  lines.forEach((line, index) =>
    page.drawText(line, { x: 20, y: 160 - 20 * index, size: 12, font, color: rgb(0.1, 0.2, 0.3) }),
  )
  page.drawRectangle({ x: 10, y: 10, width: 50, height: 20, rotate: degrees(10), borderWidth: 1 })
  return document.save()
}

const asPdf = (bytes: Uint8Array): Response =>
  new Response(bytes as BodyInit, { headers: { 'content-type': 'application/pdf' } })

export default defineApp({
  async fetch(request) {
    const { pathname } = new URL(request.url)
    switch (pathname) {
      case '/pdf':
        return asPdf(await written(['Hällo', 'world']))
      case '/read': {
        const document = await PDFDocument.load(await request.arrayBuffer(), { updateMetadata: false })
        return Response.json({
          title: document.getTitle(),
          pages: document.getPageCount(),
          size: document.getPage(0).getSize(),
          created: document.getCreationDate(),
        })
      }
      case '/merge': {
        const merged = await PDFDocument.create({ updateMetadata: false })
        for (const text of ['one', 'two']) {
          const pages = await merged.copyPages(await PDFDocument.load(await written([text])), [0])
          for (const page of pages) merged.addPage(page)
        }
        return asPdf(await merged.save({ useObjectStreams: false }))
      }
      case '/image': {
        const document = await PDFDocument.create({ updateMetadata: false })
        const image = await document.embedPng(png)
        document.addPage([50, 50]).drawImage(image, { x: 0, y: 0, width: 20, height: 20 })
        return asPdf(await document.save())
      }
      case '/form': {
        const document = await PDFDocument.create({ updateMetadata: false })
        const form = document.getForm()
        form.createTextField('name').setText('Ada')
        form.createCheckBox('yes').check()
        const again = await PDFDocument.load(await document.save())
        const fields = again.getForm().getFields()
        return Response.json(fields.map((field) => [field.getName(), field.constructor.name]))
      }
      default:
        try {
          await PDFDocument.load('bm8gcGRm')
          return new Response('read')
        } catch (error) {
          return Response.json({ of: (error as Error).constructor.name }, { status: 400 })
        }
    }
  },
})
