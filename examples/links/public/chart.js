const SVG = 'http://www.w3.org/2000/svg'

function shape(name, attributes, text = '') {
  const node = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value))
  node.textContent = text
  return node
}

/** Draws clicks per day as bars: the last `count` days in UTC, those without clicks included. */
export function drawChart(svg, days, count) {
  const clicksOf = new Map(days.map(({ day, clicks }) => [day, clicks]))
  const bars = Array.from({ length: count }, (_, index) => {
    const day = new Date(Date.now() - (count - 1 - index) * 86_400_000).toISOString().slice(0, 10)
    return { day, clicks: clicksOf.get(day) ?? 0 }
  })
  const highest = Math.max(1, ...bars.map(({ clicks }) => clicks))
  const [width, height, foot] = [640, 220, 24]
  const step = width / count
  svg.replaceChildren(
    ...bars.flatMap(({ day, clicks }, index) => {
      const tall = ((height - foot - 12) * clicks) / highest
      const bar = shape('rect', {
        x: index * step + 1,
        y: height - foot - tall,
        width: step - 2,
        height: tall,
      })
      bar.append(shape('title', {}, `${day}: ${clicks}`))
      return index % 7 === 0 ? [bar, shape('text', { x: index * step, y: height - 8 }, day.slice(5))] : [bar]
    }),
    shape('text', { x: 2, y: 11 }, String(highest)),
  )
  svg.setAttribute('aria-label', `Clicks per day, highest ${highest}`)
}
