import sharp, { type Sharp } from 'sharp'
import { defineApp } from 'unmoor'

/** A picture of 40 x 30 pixels. */
const picture = (): Sharp =>
  sharp({ create: { width: 40, height: 30, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.5 } } })
const image = (bytes: Uint8Array, type: string): Response =>
  new Response(new Uint8Array(bytes), { headers: { 'content-type': type } })

export default defineApp({
  async fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/png':
        return image(await picture().png().toBuffer(), 'image/png')
      case '/resized':
        return image(
          await picture().resize(10, 10, { fit: 'cover' }).flatten().jpeg({ quality: 80 }).toBuffer(),
          'image/jpeg',
        )
      case '/webp':
        return image(await picture().rotate(90).webp({ lossless: true }).toBuffer(), 'image/webp')
      case '/metadata': {
        const { format, width, height, channels } = await sharp(await request.arrayBuffer()).metadata()
        return Response.json({ format, width, height, channels })
      }
      case '/raw': {
        const { data, info } = await picture()
          .extract({ left: 0, top: 0, width: 2, height: 1 })
          .raw()
          .toBuffer({ resolveWithObject: true })
        return Response.json({ pixels: [...data], info })
      }
      default:
        return sharp(Buffer.from('no picture'))
          .toBuffer()
          .then(
            () => new Response('no error'),
            (error: Error) => new Response(error.message, { status: 400 }),
          )
    }
  },
})
