import { computed, createSSRApp, defineComponent, h, provide, inject, ref } from 'vue'
import { renderToString, renderToWebStream } from 'vue/server-renderer'
import { defineApp } from 'unmoor'

const Counter = defineComponent({
  props: { from: { type: Number, required: true } },
  setup(props) {
    const count = ref(props.from)
    const next = computed(() => count.value + 1)
    const theme = inject('theme', 'light')
    return () =>
      h('button', { class: [theme, { big: next.value > 5 }], onClick: () => count.value++ }, next.value)
  },
})
const Themed = defineComponent({
  setup(_, { slots }) {
    provide('theme', 'dark')
    return () => h('section', slots['default']?.())
  },
})
const Later = defineComponent({
  async setup() {
    const text = await new Promise<string>((resolve) => setTimeout(() => resolve('später'), 1))
    return () => h('p', text)
  },
})
const html = (body: BodyInit): Response => new Response(body, { headers: { 'content-type': 'text/html' } })

export default defineApp({
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    switch (pathname) {
      case '/string':
        return html(await renderToString(createSSRApp(Counter, { from: 1 })))
      case '/themed':
        return html(
          await renderToString(createSSRApp({ render: () => h(Themed, () => h(Counter, { from: 7 })) })),
        )
      case '/async':
        return html(await renderToString(createSSRApp(Later)))
      case '/escaped':
        return html(
          await renderToString(createSSRApp({ render: () => h('p', searchParams.get('text') ?? '') })),
        )
      default:
        return html(
          renderToWebStream(
            createSSRApp({
              render: () =>
                h(
                  'ul',
                  [1, 2, 3].map((n) => h('li', n)),
                ),
            }),
          ),
        )
    }
  },
})
