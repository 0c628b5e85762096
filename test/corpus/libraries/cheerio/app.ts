import * as cheerio from 'cheerio'
import { defineApp } from 'unmoor'

export default defineApp({
  async fetch(request) {
    const $ = cheerio.load(await request.text())
    switch (new URL(request.url).pathname) {
      case '/links':
        return Response.json(
          $('a[href]')
            .map((_, link) => ({ href: $(link).attr('href'), text: $(link).text() }))
            .get(),
        )
      case '/edit':
        $('h2.title').text('Hello <there>!')
        $('h2').addClass('welcome')
        $('li:nth-child(2)').remove()
        return new Response($.html(), { headers: { 'content-type': 'text/html; charset=utf-8' } })
      case '/extract':
        return Response.json($.extract({ title: 'h2', items: ['li'] }))
      case '/xml':
        return new Response(cheerio.load('<a><b x="1"/><![CDATA[c]]></a>', { xml: true }).xml())
      default:
        return Response.json($('p:contains("nothing")').length)
    }
  },
})
