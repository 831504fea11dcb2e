// The map as an SVG picture for pages and slides: real text, light theme.
import { themes } from './palette.ts'
import { mapSize } from './regions.ts'
import type { ReportData, ReportTopic } from './report-data.ts'

const width = 960
const height = 640
const margin = 46
/** Mean width of a letter, relative to the font size. */
const letter = 0.56

interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** The map with its regions, points and labels. */
export function svgReport({ title, topics, papers }: ReportData): string {
  const { background, ink, apart, topics: colours, regionAlpha } = themes.light
  const xs = papers.map(({ x }) => x)
  const ys = papers.map(({ y }) => y)
  const extent = (values: readonly number[]) => {
    const least = values.reduce((a, b) => Math.min(a, b), values[0] ?? mapSize / 2)
    const most = values.reduce((a, b) => Math.max(a, b), values[0] ?? mapSize / 2)
    return { middle: (least + most) / 2, size: Math.max(mapSize / 40, most - least) }
  }
  const across = extent(xs)
  const down = extent(ys)
  const scale = Math.min((width - 2 * margin) / across.size, (height - 2 * margin) / down.size)
  const left = width / 2 - scale * across.middle
  const top = height / 2 - scale * down.middle
  const radius = Math.max(0.9, Math.min(5, 13 * Math.max(1, papers.length) ** -0.25))
  const positionOf = new Map(topics.map(({ id }, position) => [id, position]))
  // The points of a topic are one path of zero-length lines with round ends.
  const dots = topics.map(() => '')
  let alone = ''
  for (const { x, y, topic } of papers) {
    const dot = `M${short(scale * x + left)} ${short(scale * y + top)}h0`
    if (topic === null) alone += dot
    else dots[positionOf.get(topic) as number] += dot
  }
  const stroke = (path: string, colour: string) =>
    path === '' ? '' : `<path d="${path}" stroke="${colour}" stroke-width="${short(2 * radius)}"/>`
  const regions = topics.map(({ outline, colour }) =>
    outline === ''
      ? ''
      : `<path d="${outline}" fill="${colours[colour]}" stroke="${colours[colour]}" fill-opacity="${regionAlpha}" stroke-opacity=".35" stroke-width="${short(1 / scale)}"/>`,
  )
  const labels = placed(topics, { scale, left, top }).map(
    ({ lines, x, y, size }) =>
      `<text font-size="${short(size)}">${lines
        .map((line, i) => `<tspan x="${short(x)}" y="${short(y + i * size * 1.2)}">${escaped(line)}</tspan>`)
        .join('')}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(`Map of ${title}`)}">
<rect width="${width}" height="${height}" fill="${background}"/>
<g transform="translate(${short(left)} ${short(top)}) scale(${scale.toPrecision(6)})">
${regions.filter(Boolean).join('\n')}
</g>
<g fill="none" stroke-linecap="round">
${[stroke(alone, apart), ...dots.map((path, position) => stroke(path, colours[topics[position]!.colour]!))].filter(Boolean).join('\n')}
</g>
<g font-family="system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif" font-weight="600" text-anchor="middle" fill="${ink}" stroke="${background}" stroke-width="3.5" stroke-linejoin="round" paint-order="stroke">
${labels.join('\n')}
</g>
</svg>
`
}

/** Labels without overlap, largest topics first. */
function placed(
  topics: readonly ReportTopic[],
  { scale, left, top }: { readonly scale: number; readonly left: number; readonly top: number },
): { readonly lines: readonly string[]; readonly x: number; readonly y: number; readonly size: number }[] {
  const taken: Box[] = []
  const most = topics[0]?.size ?? 1
  return topics.flatMap(({ label, size: papers, anchor }) => {
    const size = 12 + 4 * Math.sqrt(papers / most)
    const lines = wrapped(label, 24)
    const half = (Math.max(...lines.map((line) => line.length)) * size * letter) / 2 + 4
    const tall = (lines.length * size * 1.2) / 2 + 3
    const x = Math.max(half, Math.min(width - half, scale * anchor[0] + left))
    const box = [0, -1, 1, -2, 2]
      .map((step) => scale * anchor[1] + top + step * tall * 0.7)
      .map((y) => ({ left: x - half, right: x + half, top: y - tall, bottom: y + tall }))
      .find(
        (candidate) =>
          candidate.top >= 0 &&
          candidate.bottom <= height &&
          taken.every(
            (other) =>
              candidate.right < other.left ||
              other.right < candidate.left ||
              candidate.bottom < other.top ||
              other.bottom < candidate.top,
          ),
      )
    if (box === undefined) return []
    taken.push(box)
    return [{ lines, x, y: box.top + 3 + size, size }]
  })
}

function wrapped(label: string, width: number): string[] {
  const lines: string[] = []
  for (const word of label.split(' ')) {
    const last = lines.length - 1
    if (last >= 0 && lines[last]!.length + 1 + word.length <= width) lines[last] += ` ${word}`
    else lines.push(word)
  }
  return lines
}

const short = (value: number) => String(Math.round(value * 10) / 10)

const escaped = (text: string) =>
  text.replace(
    /[&<>"']/gu,
    (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[character] as string,
  )
