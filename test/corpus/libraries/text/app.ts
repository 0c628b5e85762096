import { getCountries, parsePhoneNumberFromString, PhoneNumber } from 'libphonenumber-js'
import ms from 'ms'
import slugifyModule from 'slugify'
import validator from 'validator'
import { defineApp } from 'unmoor'

// CommonJS with the types of an ES module.
const slugify = slugifyModule.default

export default defineApp({
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const text = searchParams.get('text') ?? ''
    switch (pathname) {
      case '/validator':
        return Response.json({
          email: validator.isEmail(text),
          url: validator.isURL(text),
          uuid: validator.isUUID(text),
          iban: validator.isIBAN(text),
          card: validator.isCreditCard(text),
          escaped: validator.escape(text),
          normal: validator.normalizeEmail(text),
        })
      case '/phone': {
        const number = parsePhoneNumberFromString(text, 'DE')
        if (number === undefined) return new Response('no number', { status: 400 })
        return Response.json({
          of: number instanceof PhoneNumber,
          country: number.country,
          valid: number.isValid(),
          formats: [number.formatInternational(), number.formatNational(), number.getURI()],
        })
      }
      case '/countries':
        return Response.json(getCountries())
      case '/ms':
        return Response.json([ms('2 days'), ms('1.5h'), ms(60_000), ms(90_000_000, { long: true })])
      default:
        return Response.json([slugify(text), slugify(text, { lower: true, strict: true, locale: 'de' })])
    }
  },
})
