// Labels of topics and areas and titles of papers, placed without overlap: largest topic first, each as near to its anchor
// as possible. The text of a label is drawn once and then copied, because its light outline is slow to draw.
import type { PageCore } from '../page-data.ts'
import type { themes } from '../palette.ts'
import { type Box, isApart, type View } from './camera.ts'

type Colours = (typeof themes)[keyof typeof themes]

/** Titles are shown for at most this many papers in view, and for more once the map is enlarged. */
const titlesFrom = 45
const titlesFromEnlarged = 160
const enlarged = 2
const lineHeight = 16
/** Areas are shown from this zoom on, if their papers spread over this many pixels. */
const areasFrom = 1.6
const leastSpread = 70
const fewestInArea = 3
const fonts = 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif'
/** Up to this many papers, labels avoid hiding points. */
const sparse = 2000

export interface Label extends Box {
  readonly topic: number
}

/** What labels are drawn on. */
interface Scene {
  readonly context: CanvasRenderingContext2D
  readonly view: View
  /** CSS pixels that nothing covers. */
  readonly width: number
  readonly height: number
  /** Device pixels per CSS pixel. */
  readonly ratio: number
  readonly colours: Colours
  /** Radius of points. */
  readonly radius: number
  /** Chosen topics; the others fade. */
  readonly chosen: ReadonlySet<number> | undefined
  /** Boxes that labels keep away from. */
  readonly reserved: readonly Box[]
  /** 1 for rows that may show a title. */
  readonly shown: Uint8Array
  /** A paper that no label may hide, or -1. */
  readonly selected: number
  /** 1 for the whole map. */
  readonly zoom: number
}

/** An area of the map of science within a topic. */
interface AreaLabel extends Box {
  readonly name: string
  readonly x: number
  readonly y: number
}

interface Lettering {
  readonly canvas: HTMLCanvasElement
  readonly wide: number
  readonly high: number
}

export class LabelLayer {
  readonly #core: PageCore
  readonly #x: Float32Array
  readonly #y: Float32Array
  #letterings: (Lettering | undefined)[] = []
  #letteredFor = ''
  #areas: readonly AreaLabel[] | undefined
  readonly #widths = new Map<string, number>()

  constructor(core: PageCore, x: Float32Array, y: Float32Array) {
    this.#core = core
    this.#x = x
    this.#y = y
  }

  /** Draws labels and titles; returns where the labels are. */
  paint(scene: Scene): Label[] {
    const { context, view, width, height, ratio, colours, chosen, selected } = scene
    const isNarrow = width < 560
    const letteredFor = `${colours.background} ${ratio} ${isNarrow}`
    if (letteredFor !== this.#letteredFor) this.#letterings = []
    this.#letteredFor = letteredFor
    const taken: Box[] = [...scene.reserved]
    const labels: Label[] = []
    if (selected >= 0) {
      const x = view.scale * this.#x[selected]! + view.left
      const y = view.scale * this.#y[selected]! + view.top
      taken.push({ left: x - 12, right: x + 12, top: y - 12, bottom: y + 12 })
    }
    for (const [topic, { anchor }] of this.#core.topics.entries()) {
      const x = view.scale * anchor[0] + view.left
      const y = view.scale * anchor[1] + view.top
      if (x < 0 || y < 0 || x > width || y > height) continue
      this.#letterings[topic] ??= lettering(this.#core, topic, { isNarrow, ratio, colours })
      const { canvas, wide, high } = this.#letterings[topic]
      const middle = Math.max(wide / 2, Math.min(width - wide / 2, x))
      const free = [0, -1, 1, -2, 2, -3, 3, -4, 4]
        .map((step) => y + step * high * 0.3 - high / 2)
        .map((top) => ({ left: middle - wide / 2, right: middle + wide / 2, top, bottom: top + high }))
        .filter((box) => box.top >= 0 && box.bottom <= height && taken.every((other) => isApart(box, other)))
      const box = this.#leastHiding(free, scene)
      if (box === undefined) continue
      // Space around labels keeps a map of many topics calm.
      const air = isNarrow ? 2 : 7
      taken.push({ left: box.left - air, right: box.right + air, top: box.top - air, bottom: box.bottom + air })
      labels.push({ ...box, topic })
      context.globalAlpha = chosen !== undefined && !chosen.has(topic) ? 0.35 : 1
      // Whole pixels keep the text sharp.
      const left = Math.round(box.left * ratio) / ratio
      const top = Math.round(box.top * ratio) / ratio
      context.drawImage(canvas, left, top, canvas.width / ratio, canvas.height / ratio)
    }
    context.globalAlpha = 1
    this.#paintAreas(scene, taken)
    this.#paintTitles(scene, taken)
    return labels
  }

  /** Names of areas within topics, once the map is enlarged. */
  #paintAreas({ context, view, width, height, colours, zoom }: Scene, taken: Box[]): void {
    if (zoom < areasFrom) return
    this.#areas ??= areasIn(this.#core, this.#x, this.#y)
    context.textAlign = 'center'
    context.textBaseline = 'middle'
    context.lineJoin = 'round'
    context.font = `italic 12.5px ${fonts}`
    context.fillStyle = colours.ink
    context.strokeStyle = colours.background
    context.lineWidth = 3
    for (const { name, x: mapX, y: mapY, left, right, top, bottom } of this.#areas) {
      const x = view.scale * mapX + view.left
      const y = view.scale * mapY + view.top
      if (x < 0 || y < 0 || x > width || y > height) continue
      if (view.scale * Math.max(right - left, bottom - top) < leastSpread) continue
      const half = this.#widthOf(context, name) / 2
      const box = [0, -14, 14, -28, 28]
        .map((step) => ({ left: x - half, right: x + half, top: y + step - 9, bottom: y + step + 9 }))
        .find(
          (candidate) =>
            candidate.left > 2 && candidate.right < width - 2 && taken.every((other) => isApart(candidate, other)),
        )
      if (box === undefined) continue
      taken.push(box)
      context.strokeText(name, x, (box.top + box.bottom) / 2)
      context.fillText(name, x, (box.top + box.bottom) / 2)
    }
  }

  #widthOf(context: CanvasRenderingContext2D, text: string): number {
    const key = `${context.font} ${text}`
    let width = this.#widths.get(key)
    if (width === undefined) {
      width = context.measureText(text).width
      this.#widths.set(key, width)
    }
    return width
  }

  /** The box that hides the fewest points; the first box if there are too many points to tell apart. */
  #leastHiding(boxes: readonly Box[], { view, radius }: Scene): Box | undefined {
    if (this.#x.length > sparse) return boxes[0]
    let best: Box | undefined
    let least = Number.POSITIVE_INFINITY
    for (const [position, box] of boxes.entries()) {
      // Nearer boxes come first; each step away costs 0.4 of a hidden point.
      let hidden = 0.4 * position
      for (let row = 0; row < this.#x.length; row++) if (this.#isOn(row, box, view, radius)) hidden++
      if (hidden < least) {
        least = hidden
        best = box
      }
    }
    return best
  }

  /** Titles next to their points, if few enough are in view. */
  #paintTitles({ context, view, width, height, colours, radius, shown, zoom }: Scene, taken: Box[]): void {
    const inView: number[] = []
    for (let row = 0; row < this.#x.length; row++) {
      if (shown[row] === 0) continue
      const x = view.scale * this.#x[row]! + view.left
      const y = view.scale * this.#y[row]! + view.top
      if (x < 0 || y < 0 || x > width || y > height) continue
      if (inView.push(row) > (zoom < enlarged ? titlesFrom : titlesFromEnlarged)) return
    }
    context.textAlign = 'left'
    context.textBaseline = 'middle'
    context.lineJoin = 'round'
    context.font = `12px ${fonts}`
    context.fillStyle = colours.soft
    context.strokeStyle = colours.background
    context.lineWidth = 3
    for (const row of inView) {
      const title = this.#core.titles[row]!
      // Few papers leave room for whole titles, in several lines.
      const lines =
        inView.length < 24
          ? wrapped(title.length > 100 ? `${title.slice(0, 98).trimEnd()}…` : title, 30)
          : [title.length > 42 ? `${title.slice(0, 40).trimEnd()}…` : title]
      const wide = Math.max(...lines.map((line) => this.#widthOf(context, line)))
      const high = lines.length * lineHeight
      const x = view.scale * this.#x[row]! + view.left
      const y = view.scale * this.#y[row]! + view.top
      const away = radius + 5
      const corners: readonly (readonly [left: number, top: number])[] = [
        [x + away, y - high / 2],
        [x - away - wide, y - high / 2],
        [x - wide / 2, y + away],
        [x - wide / 2, y - away - high],
        [x + away, y],
        [x + away, y - high],
        [x - away - wide, y],
        [x - away - wide, y - high],
      ]
      const box = corners
        .map(([left, top]) => ({ left, right: left + wide, top, bottom: top + high }))
        .find(
          (candidate) =>
            candidate.left > 2 &&
            candidate.right < width - 2 &&
            candidate.top > 0 &&
            candidate.bottom < height &&
            taken.every((other) => isApart(candidate, other)) &&
            inView.every((other) => other === row || !this.#isOn(other, candidate, view, radius)),
        )
      if (box === undefined) continue
      taken.push(box)
      for (const [i, line] of lines.entries()) {
        const middle = box.top + (i + 0.5) * lineHeight
        const left = box.right <= x ? box.right - this.#widthOf(context, line) : box.left
        context.strokeText(line, left, middle)
        context.fillText(line, left, middle)
      }
    }
  }

  #isOn(row: number, box: Box, view: View, radius: number): boolean {
    const x = view.scale * this.#x[row]! + view.left
    const y = view.scale * this.#y[row]! + view.top
    return x > box.left - radius && x < box.right + radius && y > box.top - radius + 3 && y < box.bottom + radius - 3
  }
}

/** Areas with at least 3 papers of a topic, most papers first; placed at the median, with the middle 70% as box. */
function areasIn({ areaOf, areas, topicOf }: PageCore, x: Float32Array, y: Float32Array): AreaLabel[] {
  const rowsOf = new Map<string, number[]>()
  for (const [row, area] of areaOf.entries()) {
    if (area < 0) continue
    const key = `${topicOf[row]} ${area}`
    const rows = rowsOf.get(key)
    if (rows === undefined) rowsOf.set(key, [row])
    else rows.push(row)
  }
  return [...rowsOf.values()]
    .filter((rows) => rows.length >= fewestInArea)
    .sort((a, b) => b.length - a.length)
    .map((rows) => {
      const along = Float32Array.from(rows, (row) => x[row]!).sort()
      const down = Float32Array.from(rows, (row) => y[row]!).sort()
      const at = (share: number) => Math.floor(share * (rows.length - 1))
      return {
        name: areas[areaOf[rows[0]!]!]!.name,
        x: along[at(0.5)]!,
        y: down[at(0.5)]!,
        left: along[at(0.15)]!,
        right: along[at(0.85)]!,
        top: down[at(0.15)]!,
        bottom: down[at(0.85)]!,
      }
    })
}

/** Draws a topic's label, in larger letters for larger topics. */
function lettering(
  { topics }: PageCore,
  topic: number,
  { isNarrow, ratio, colours }: { readonly isNarrow: boolean; readonly ratio: number; readonly colours: Colours },
): Lettering {
  const { label, size } = topics[topic]!
  const share = Math.sqrt(size / topics[0]!.size)
  const height = isNarrow ? 10.5 + 2 * share : 12 + 3 * share
  const lines = wrapped(firstTerms(label, isNarrow ? 24 : 38), isNarrow ? 16 : 22)
  const canvas = document.createElement('canvas')
  const context = canvas.getContext('2d') as CanvasRenderingContext2D
  const font = `600 ${height}px ${fonts}`
  context.font = font
  const wide = Math.max(...lines.map((line) => context.measureText(line).width)) + 12
  const high = lines.length * height * 1.22 + 6
  canvas.width = Math.ceil(wide * ratio)
  canvas.height = Math.ceil(high * ratio)
  context.scale(ratio, ratio)
  context.font = font
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  context.lineJoin = 'round'
  context.lineWidth = 3.5
  context.strokeStyle = colours.background
  context.fillStyle = colours.ink
  const lineY = (i: number) => high / 2 + (i - (lines.length - 1) / 2) * height * 1.22
  for (const [i, line] of lines.entries()) context.strokeText(line, wide / 2, lineY(i))
  for (const [i, line] of lines.entries()) context.fillText(line, wide / 2, lineY(i))
  return { canvas, wide, high }
}

/** The first terms of a label that fit into `width` characters, at least one. Names with “and” are kept whole. */
function firstTerms(label: string, width: number): string {
  if (/, [^,]+ and [^,]+$/u.test(label)) return label
  const [first = '', ...others] = label.split(', ')
  let taken = first
  for (const term of others) {
    if (taken.length + 2 + term.length > width) break
    taken += `, ${term}`
  }
  return taken
}

/** Breaks a label between words into lines of at most `width` characters, where words allow it. */
function wrapped(label: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of label.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
