import { Liquid, type ParseError } from 'liquidjs'
import { defineApp } from 'unmoor'

const engine = new Liquid({
  templates: {
    page: '<title>{{ title | escape }}</title>{% render "item", name: "ä" %}',
    item: '<li>{{ name | upcase }}</li>',
    layout: '<main>{% block body %}nothing{% endblock %}</main>',
    child: '{% layout "layout" %}{% block body %}{{ 3 | plus: 4 }}{% endblock %}',
  },
})
engine.registerFilter('later', (value: string) => Promise.resolve(`later ${value}`))
engine.registerTag('shout', {
  parse(token) {
    this['word'] = token.args
  },
  async render(context) {
    const value: unknown = await this.liquid.evalValue(this['word'] as string, context)
    return `${value as string}!`
  },
})

export default defineApp({
  async fetch(request) {
    const { pathname } = new URL(request.url)
    const html = (text: string, status = 200): Response =>
      new Response(text, { status, headers: { 'content-type': 'text/html; charset=utf-8' } })
    switch (pathname) {
      case '/render':
        return html(
          await engine.parseAndRender(
            `{% for n in list reversed %}{{ forloop.index }}:{{ n }},{% endfor %}{{ at | date: "%Y-%m-%d" }} {{ words | split: " " | sort | join: "-" }}`,
            { list: [1, 2, 3], at: '2020-02-03T00:00:00Z', words: 'b a c' },
            { globals: {} },
          ),
        )
      case '/page':
        return html((await engine.renderFile('page', { title: '<Ädä>' })) as string)
      case '/layout':
        return html((await engine.renderFile('child')) as string)
      case '/own':
        return html(await engine.parseAndRender('{% shout name %} {{ name | later }}', { name: 'Ada' }))
      case '/sync':
        return html(
          engine.parseAndRenderSync('{% if a == 1 and b contains "x" %}yes{% else %}no{% endif %}', {
            a: 1,
            b: 'xyz',
          }),
        )
      default:
        try {
          return html(await engine.parseAndRender('{% if %}{{ x | nope }}'))
        } catch (error) {
          const { name, message } = error as ParseError
          return html(`${name}: ${message}`, 400)
        }
    }
  },
})
