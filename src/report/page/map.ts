// The map: regions and labels are drawn as paths and text, points into a pixel buffer of our own, which takes the same
// few milliseconds for 40,000 of them with and without a graphics card.

import type { PageCore } from '../page-data.ts'
import { type Theme, themes } from '../palette.ts'

const mapSize = 10_000
const pickDistance = 14
const titlesFrom = 45

export interface MapEvents {
  /** A point was pointed at, or none. */
  readonly onHover: (row: number, x: number, y: number) => void
  readonly onPick: (row: number) => void
  readonly onPickTopic: (position: number) => void
  /** The arrow keys went to a point. */
  readonly onStep: (row: number) => void
}

/** A place p of the map is at `scale × p + (left, top)` on the screen, in CSS pixels. */
interface View {
  readonly scale: number
  readonly left: number
  readonly top: number
}

interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

interface Label extends Box {
  readonly topic: number
}

export class PaperMap {
  readonly canvas: HTMLCanvasElement
  readonly #core: PageCore
  readonly #events: MapEvents
  readonly #context: CanvasRenderingContext2D
  readonly #pointCanvas = document.createElement('canvas')
  readonly #pointContext: CanvasRenderingContext2D
  readonly #outlines: readonly Path2D[]
  readonly #x: Float32Array
  readonly #y: Float32Array
  readonly #radius: number
  readonly #bounds: Box
  #pixels = new ImageData(1, 1)
  #words = new Uint32Array(this.#pixels.data.buffer)
  #theme: Theme = 'light'
  #shown: Uint8Array
  #topics: ReadonlySet<number> | undefined
  #selected = -1
  #hovered = -1
  #kin: readonly number[] = []
  #width = 0
  #height = 0
  #ratio = 1
  #scale = 1
  #left = 0
  #top = 0
  #fitted = 1
  #isFitted = true
  #pending = 0
  #flight = 0
  #labels: Label[] = []
  #covered = { right: 0, bottom: 0 }

  constructor(canvas: HTMLCanvasElement, core: PageCore, events: MapEvents) {
    this.canvas = canvas
    this.#core = core
    this.#events = events
    this.#context = canvas.getContext('2d') as CanvasRenderingContext2D
    this.#pointContext = this.#pointCanvas.getContext('2d') as CanvasRenderingContext2D
    this.#outlines = core.topics.map(({ outline }) => new Path2D(outline))
    this.#x = Float32Array.from(core.x)
    this.#y = Float32Array.from(core.y)
    this.#shown = new Uint8Array(core.x.length).fill(1)
    this.#radius = Math.max(1.15, Math.min(5.5, 14 * Math.max(1, core.x.length) ** -0.24))
    this.#bounds = this.#boundsOfAll()
    this.#listen()
    new ResizeObserver(() => this.#resize()).observe(canvas)
    this.#resize()
  }

  set theme(theme: Theme) {
    this.#theme = theme
    this.draw()
  }

  /** Which papers are in colour, and which topics are chosen; the others fade. */
  show(shown: Uint8Array, topics: ReadonlySet<number> | undefined): void {
    this.#shown = shown
    this.#topics = topics
    this.draw()
  }

  /** Marks a paper and draws lines to its kin; -1 marks none. */
  select(row: number, kin: readonly number[] = []): void {
    this.#selected = row
    this.#kin = kin
    this.draw()
  }

  /** Marks a paper lightly; -1 marks none. */
  hover(row: number): void {
    if (row === this.#hovered) return
    this.#hovered = row
    this.draw()
  }

  /** How many pixels at the right and at the bottom something lies over the map. */
  set covered(covered: { readonly right: number; readonly bottom: number }) {
    this.#covered = covered
  }

  /** Shows all of the map. */
  fit(): void {
    this.#flyTo(this.#fit())
  }

  zoom(factor: number): void {
    const scale = this.#limited(this.#scale * factor)
    this.#flyTo(this.#around(scale, this.#width / 2, this.#height / 2))
  }

  /** Brings papers into view: all of them, or one that is outside or hidden in a crowd. */
  reveal(rows: readonly number[]): void {
    if (rows.length === 0) return
    if (rows.length === 1) {
      const [row] = rows
      const x = this.#scale * this.#x[row] + this.#left
      const y = this.#scale * this.#y[row] + this.#top
      const wide = this.#width - this.#covered.right
      const high = this.#height - this.#covered.bottom
      const margin = Math.min(60, wide / 4, high / 4)
      if (x > margin && y > margin && x < wide - margin && y < high - margin) return
      this.#flyTo({
        scale: this.#scale,
        left: wide / 2 - this.#scale * this.#x[row],
        top: high / 2 - this.#scale * this.#y[row],
      })
      return
    }
    this.#flyTo(this.#fit(rows))
  }

  draw(): void {
    if (this.#pending === 0) this.#pending = requestAnimationFrame(() => this.#paint())
  }

  /** The view that shows rows, or all of the map, in what nothing covers. */
  #fit(rows?: Iterable<number>): View {
    const { left, top, right, bottom } = rows === undefined ? this.#bounds : this.#boundsOf(rows)
    const wide = this.#width - this.#covered.right
    const high = this.#height - this.#covered.bottom
    const margin = Math.min(rows === undefined ? 28 : 70, wide / 9, high / 9)
    const least = mapSize / 40
    const scale = Math.min(
      (wide - 2 * margin) / Math.max(least, right - left),
      (high - 2 * margin) / Math.max(least, bottom - top),
    )
    return {
      scale,
      left: wide / 2 - (scale * (left + right)) / 2,
      top: high / 2 - (scale * (top + bottom)) / 2,
    }
  }

  #boundsOf(rows: Iterable<number>): Box {
    let left = Number.POSITIVE_INFINITY
    let top = Number.POSITIVE_INFINITY
    let right = Number.NEGATIVE_INFINITY
    let bottom = Number.NEGATIVE_INFINITY
    for (const row of rows) {
      left = Math.min(left, this.#x[row])
      right = Math.max(right, this.#x[row])
      top = Math.min(top, this.#y[row])
      bottom = Math.max(bottom, this.#y[row])
    }
    const middle = mapSize / 2
    return left <= right ? { left, top, right, bottom } : { left: middle, top: middle, right: middle, bottom: middle }
  }

  /** Of all points and outlines. */
  #boundsOfAll(): Box {
    let { left, top, right, bottom } = this.#boundsOf(this.#x.keys())
    for (const { outline } of this.#core.topics)
      for (const [, x, y] of outline.matchAll(/(-?\d+) (-?\d+)/gu)) {
        left = Math.min(left, Number(x))
        right = Math.max(right, Number(x))
        top = Math.min(top, Number(y))
        bottom = Math.max(bottom, Number(y))
      }
    return { left, top, right, bottom }
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.canvas
    if (clientWidth === 0 || clientHeight === 0) return
    const ratio = Math.min(2, window.devicePixelRatio || 1)
    if (clientWidth === this.#width && clientHeight === this.#height && ratio === this.#ratio) return
    const wasFitted = this.#isFitted
    const middleX = (this.#width / 2 - this.#left) / this.#scale
    const middleY = (this.#height / 2 - this.#top) / this.#scale
    this.#width = clientWidth
    this.#height = clientHeight
    this.#ratio = ratio
    this.canvas.width = this.#pointCanvas.width = Math.round(clientWidth * ratio)
    this.canvas.height = this.#pointCanvas.height = Math.round(clientHeight * ratio)
    this.#pixels = new ImageData(this.canvas.width, this.canvas.height)
    this.#words = new Uint32Array(this.#pixels.data.buffer)
    const whole = this.#fit()
    this.#fitted = whole.scale
    if (wasFitted) this.#place(whole)
    else {
      this.#left = clientWidth / 2 - this.#scale * middleX
      this.#top = clientHeight / 2 - this.#scale * middleY
    }
    this.#isFitted = wasFitted
    // At once: a canvas that was resized is empty, and must not be seen so.
    cancelAnimationFrame(this.#pending)
    this.#paint()
  }

  #place({ scale, left, top }: View): void {
    this.#scale = scale
    this.#left = left
    this.#top = top
    this.draw()
  }

  #limited(scale: number): number {
    return Math.max(this.#fitted * 0.5, Math.min(this.#fitted * 400, scale))
  }

  #around(scale: number, x: number, y: number): View {
    const factor = scale / this.#scale
    return { scale, left: x - factor * (x - this.#left), top: y - factor * (y - this.#top) }
  }

  #flyTo(goal: View): void {
    this.#stopFlight()
    const whole = this.#fit()
    this.#isFitted = Math.abs(goal.scale / whole.scale - 1) < 1e-6 && Math.abs(goal.left - whole.left) < 0.5
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      this.#place(goal)
      return
    }
    const begun = performance.now()
    const from = { scale: this.#scale, left: this.#left, top: this.#top }
    const middle = { x: this.#width / 2, y: this.#height / 2 }
    // The place of the map in the middle moves evenly while the scale grows by even factors.
    const fromX = (middle.x - from.left) / from.scale
    const fromY = (middle.y - from.top) / from.scale
    const toX = (middle.x - goal.left) / goal.scale
    const toY = (middle.y - goal.top) / goal.scale
    const step = () => {
      const time = Math.min(1, (performance.now() - begun) / 380)
      const eased = 1 - (1 - time) ** 3
      const scale = from.scale * (goal.scale / from.scale) ** eased
      const x = fromX + (toX - fromX) * eased
      const y = fromY + (toY - fromY) * eased
      this.#place(time === 1 ? goal : { scale, left: middle.x - scale * x, top: middle.y - scale * y })
      this.#flight = time < 1 ? requestAnimationFrame(step) : 0
    }
    step()
  }

  #stopFlight(): void {
    cancelAnimationFrame(this.#flight)
    this.#flight = 0
  }

  // ---- what is drawn -------------------------------------------------------------------------------------------

  #paint(): void {
    this.#pending = 0
    const { width, height } = this.canvas
    const context = this.#context
    const colours = themes[this.#theme]
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, width, height)
    this.#paintRegions(colours)
    this.#paintLines(colours)
    this.#paintPoints(colours)
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.drawImage(this.#pointCanvas, 0, 0)
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0)
    this.#paintMarks(colours)
    this.#paintLabels(colours)
  }

  #paintRegions(colours: (typeof themes)[Theme]): void {
    const context = this.#context
    const scale = this.#ratio * this.#scale
    context.setTransform(scale, 0, 0, scale, this.#ratio * this.#left, this.#ratio * this.#top)
    context.lineWidth = 1 / this.#scale
    for (const [position, { colour }] of this.#core.topics.entries()) {
      const isFaded = this.#topics !== undefined && !this.#topics.has(position)
      context.fillStyle = context.strokeStyle = colours.topics[colour]
      context.globalAlpha = isFaded ? 0.03 : colours.regionAlpha
      context.fill(this.#outlines[position])
      context.globalAlpha = isFaded ? 0.08 : 0.35
      context.stroke(this.#outlines[position])
    }
    context.globalAlpha = 1
  }

  /** Points grow with the map, but much more slowly. */
  #pointRadius(): number {
    return Math.min(9, this.#radius * Math.max(0.6, this.#scale / this.#fitted) ** 0.4)
  }

  #paintPoints(colours: (typeof themes)[Theme]): void {
    this.#words.fill(0)
    const { topics, topicOf } = this.#core
    const inks = topics.map(({ colour }) => packedColour(colours.topics[colour]))
    const apart = packedColour(colours.apart)
    const faded = packedColour(colours.faint)
    const radius = this.#pointRadius()
    const rows = this.#x.length
    const isFiltered = this.#shown.includes(0)
    if (isFiltered) for (let row = 0; row < rows; row++) if (this.#shown[row] === 0) this.#dot(row, 0.8 * radius, faded)
    for (let row = 0; row < rows; row++)
      if (this.#shown[row] !== 0) this.#dot(row, radius, topicOf[row] < 0 ? apart : inks[topicOf[row]])
    this.#pointContext.putImageData(this.#pixels, 0, 0)
  }

  /** Sets the pixels of one point; at its rim a pixel is mixed with what is there. */
  #dot(row: number, cssRadius: number, ink: number): void {
    const ratio = this.#ratio
    const { width, height } = this.#pixels
    const radius = cssRadius * ratio
    const x = (this.#scale * this.#x[row] + this.#left) * ratio - 0.5
    const y = (this.#scale * this.#y[row] + this.#top) * ratio - 0.5
    const fromX = Math.max(0, Math.ceil(x - radius - 0.5))
    const toX = Math.min(width - 1, Math.floor(x + radius + 0.5))
    const fromY = Math.max(0, Math.ceil(y - radius - 0.5))
    const toY = Math.min(height - 1, Math.floor(y + radius + 0.5))
    if (fromX > toX || fromY > toY) return
    const words = this.#words
    const inner = Math.max(0, radius - 0.5) ** 2
    const outer = (radius + 0.5) ** 2
    for (let pixelY = fromY; pixelY <= toY; pixelY++) {
      const squaredY = (pixelY - y) ** 2
      for (let pixelX = fromX; pixelX <= toX; pixelX++) {
        const squared = (pixelX - x) ** 2 + squaredY
        if (squared >= outer) continue
        const at = pixelY * width + pixelX
        if (squared <= inner) {
          words[at] = ink
          continue
        }
        const share = radius + 0.5 - Math.sqrt(squared)
        const there = words[at]
        words[at] = there >>> 24 === 0 ? ((ink & 0xffffff) | ((255 * share) << 24)) >>> 0 : mixed(there, ink, share)
      }
    }
  }

  #at(row: number): [number, number] {
    return [this.#scale * this.#x[row] + this.#left, this.#scale * this.#y[row] + this.#top]
  }

  /** From the selected paper to its kin. */
  #paintLines(colours: (typeof themes)[Theme]): void {
    if (this.#selected < 0) return
    const context = this.#context
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0)
    context.strokeStyle = colours.ink
    context.globalAlpha = 0.4
    context.lineWidth = 1
    context.beginPath()
    for (const row of this.#kin) {
      context.moveTo(...this.#at(this.#selected))
      context.lineTo(...this.#at(row))
    }
    context.stroke()
    context.globalAlpha = 1
  }

  #paintMarks(colours: (typeof themes)[Theme]): void {
    const context = this.#context
    const radius = this.#pointRadius()
    const ring = (row: number, away: number, line: number) => {
      context.beginPath()
      context.arc(...this.#at(row), radius + away, 0, 2 * Math.PI)
      context.lineWidth = line
      context.stroke()
    }
    context.strokeStyle = colours.ink
    if (this.#selected >= 0) {
      context.globalAlpha = 0.75
      for (const row of this.#kin) ring(row, 1.5, 1.25)
      context.globalAlpha = 1
      ring(this.#selected, 3.5, 2)
    }
    if (this.#hovered >= 0 && this.#hovered !== this.#selected) ring(this.#hovered, 2.5, 1.5)
  }

  #paintLabels(colours: (typeof themes)[Theme]): void {
    const context = this.#context
    const taken: Box[] = []
    this.#labels = []
    context.textBaseline = 'middle'
    context.lineJoin = 'round'
    context.strokeStyle = colours.background
    if (this.#selected >= 0) {
      const x = this.#scale * this.#x[this.#selected] + this.#left
      const y = this.#scale * this.#y[this.#selected] + this.#top
      taken.push({ left: x - 12, right: x + 12, top: y - 12, bottom: y + 12 })
    }
    const most = this.#core.topics[0]?.size ?? 1
    context.textAlign = 'center'
    for (const [position, { label, size, anchor }] of this.#core.topics.entries()) {
      const x = this.#scale * anchor[0] + this.#left
      const y = this.#scale * anchor[1] + this.#top
      if (x < 0 || y < 0 || x > this.#width || y > this.#height) continue
      const isNarrow = this.#width < 560
      const height = isNarrow ? 10.5 + 2 * Math.sqrt(size / most) : 12 + 3 * Math.sqrt(size / most)
      context.font = `600 ${height}px ${fonts}`
      const lines = wrapped(firstTerms(label, isNarrow ? 24 : 38), isNarrow ? 16 : 22)
      const half = Math.max(...lines.map((line) => context.measureText(line).width)) / 2 + 6
      const tall = (lines.length * height * 1.22) / 2 + 3
      const middleX = Math.max(half, Math.min(this.#width - half, x))
      const free = [0, -1, 1, -2, 2, -3, 3, -4, 4]
        .map((step) => y + step * tall * 0.6)
        .map((middle) => ({ left: middleX - half, right: middleX + half, top: middle - tall, bottom: middle + tall }))
        .filter((candidate) => isInside(candidate, this.#height) && taken.every((other) => isApart(candidate, other)))
      const box = this.#leastCovering(free)
      if (box === undefined) continue
      taken.push(box)
      this.#labels.push({ ...box, topic: position })
      const isFaded = this.#topics !== undefined && !this.#topics.has(position)
      context.globalAlpha = isFaded ? 0.35 : 1
      context.fillStyle = colours.ink
      context.lineWidth = 3.5
      lines.forEach((line, i) => {
        const lineY = (box.top + box.bottom) / 2 + (i - (lines.length - 1) / 2) * height * 1.22
        context.strokeText(line, middleX, lineY)
        context.fillText(line, middleX, lineY)
      })
      context.globalAlpha = 1
    }
    this.#paintTitles(colours, taken)
  }

  /** Of boxes the first that lies over the fewest points, where there are few enough to see each. */
  #leastCovering(boxes: readonly Box[]): Box | undefined {
    if (this.#x.length > 2000) return boxes[0]
    const radius = this.#pointRadius()
    let best: Box | undefined
    let least = Number.POSITIVE_INFINITY
    for (const [position, box] of boxes.entries()) {
      // Nearer places stand first, and are worth a point that is half hidden.
      let covered = 0.4 * position
      for (let row = 0; row < this.#x.length; row++) if (this.#isOn(row, box, radius)) covered++
      if (covered < least) {
        least = covered
        best = box
      }
    }
    return best
  }

  /** Titles beside their points, where few enough are in view. */
  #paintTitles(colours: (typeof themes)[Theme], taken: Box[]): void {
    const inView: number[] = []
    for (let row = 0; row < this.#x.length; row++) {
      if (this.#shown[row] === 0) continue
      const x = this.#scale * this.#x[row] + this.#left
      const y = this.#scale * this.#y[row] + this.#top
      if (x < 0 || y < 0 || x > this.#width || y > this.#height) continue
      if (inView.push(row) > titlesFrom) return
    }
    const context = this.#context
    const radius = this.#pointRadius()
    context.textAlign = 'left'
    context.font = `12px ${fonts}`
    context.fillStyle = colours.soft
    context.lineWidth = 3
    for (const row of inView) {
      const title = this.#core.titles[row]
      const text = title.length > 42 ? `${title.slice(0, 40).trimEnd()}…` : title
      const wide = context.measureText(text).width
      const x = this.#scale * this.#x[row] + this.#left
      const y = this.#scale * this.#y[row] + this.#top
      const box = [x + radius + 5, x - radius - 5 - wide]
        .map((left) => ({ left, right: left + wide, top: y - 8, bottom: y + 8 }))
        .find(
          (candidate) =>
            candidate.left > 2 &&
            candidate.right < this.#width - 2 &&
            taken.every((other) => isApart(candidate, other)) &&
            inView.every((other) => other === row || !this.#isOn(other, candidate, radius)),
        )
      if (box === undefined) continue
      taken.push(box)
      context.strokeText(text, box.left, y)
      context.fillText(text, box.left, y)
    }
  }

  #isOn(row: number, box: Box, radius: number): boolean {
    const x = this.#scale * this.#x[row] + this.#left
    const y = this.#scale * this.#y[row] + this.#top
    return x > box.left - radius && x < box.right + radius && y > box.top - radius + 3 && y < box.bottom + radius - 3
  }

  // ---- pointer and keys ----------------------------------------------------------------------------------------

  #pick(x: number, y: number): number {
    const reach = Math.max(pickDistance, this.#pointRadius() + 4) / this.#scale
    const mapX = (x - this.#left) / this.#scale
    const mapY = (y - this.#top) / this.#scale
    let best = -1
    let least = reach * reach
    for (let row = 0; row < this.#x.length; row++) {
      if (this.#shown[row] === 0) continue
      const squared = (this.#x[row] - mapX) ** 2 + (this.#y[row] - mapY) ** 2
      if (squared <= least) {
        least = squared
        best = row
      }
    }
    return best
  }

  #labelAt(x: number, y: number): number {
    return this.#labels.find((box) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom)?.topic ?? -1
  }

  #listen(): void {
    const { canvas } = this
    const pointers = new Map<number, { x: number; y: number }>()
    let moved = 0
    const place = (event: PointerEvent | WheelEvent | MouseEvent) => {
      const { left, top } = canvas.getBoundingClientRect()
      return { x: event.clientX - left, y: event.clientY - top }
    }
    const spread = () => {
      const [one, two] = [...pointers.values()]
      return two === undefined
        ? { x: one.x, y: one.y, distance: 0 }
        : { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2, distance: Math.hypot(one.x - two.x, one.y - two.y) }
    }
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return
      this.#stopFlight()
      canvas.setPointerCapture(event.pointerId)
      pointers.set(event.pointerId, place(event))
      if (pointers.size === 1) moved = 0
    })
    canvas.addEventListener('pointermove', (event) => {
      const at = place(event)
      if (!pointers.has(event.pointerId)) {
        const row = this.#pick(at.x, at.y)
        canvas.style.cursor = row >= 0 || this.#labelAt(at.x, at.y) >= 0 ? 'pointer' : 'grab'
        this.hover(row)
        this.#events.onHover(row, at.x, at.y)
        return
      }
      const before = spread()
      pointers.set(event.pointerId, at)
      const after = spread()
      moved += Math.hypot(after.x - before.x, after.y - before.y) + Math.abs(after.distance - before.distance)
      if (moved < 4) return
      canvas.style.cursor = 'grabbing'
      this.#isFitted = false
      this.#events.onHover(-1, 0, 0)
      const scale = before.distance > 0 ? this.#limited((this.#scale * after.distance) / before.distance) : this.#scale
      const { left, top } = this.#around(scale, before.x, before.y)
      this.#place({ scale, left: left + after.x - before.x, top: top + after.y - before.y })
    })
    const release = (event: PointerEvent) => {
      if (!pointers.delete(event.pointerId)) return
      canvas.style.cursor = 'grab'
      if (event.type === 'pointercancel' || moved >= 4 || pointers.size > 0) return
      const at = place(event)
      const row = this.#pick(at.x, at.y)
      const topic = this.#labelAt(at.x, at.y)
      // A label lies over points: it is meant, unless a point is hit squarely.
      if (topic >= 0 && (row < 0 || this.#hovered !== row)) this.#events.onPickTopic(topic)
      else if (row >= 0) this.#events.onPick(row)
      else if (topic >= 0) this.#events.onPickTopic(topic)
    }
    canvas.addEventListener('pointerup', release)
    canvas.addEventListener('pointercancel', release)
    canvas.addEventListener('pointerleave', () => {
      this.hover(-1)
      this.#events.onHover(-1, 0, 0)
    })
    canvas.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault()
        this.#stopFlight()
        const { x, y } = place(event)
        const pixels = event.deltaMode === 0 ? event.deltaY : 24 * event.deltaY
        const factor = Math.exp(-Math.max(-160, Math.min(160, pixels)) * (event.ctrlKey ? 0.01 : 0.0022))
        this.#isFitted = false
        this.#events.onHover(-1, 0, 0)
        this.#place(this.#around(this.#limited(this.#scale * factor), x, y))
      },
      { passive: false },
    )
    canvas.addEventListener('dblclick', (event) => {
      const { x, y } = place(event)
      if (this.#pick(x, y) < 0) this.#flyTo(this.#around(this.#limited(this.#scale * 2), x, y))
    })
    canvas.addEventListener('keydown', (event) => this.#key(event))
    canvas.addEventListener('blur', () => this.hover(-1))
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const arrows: Readonly<Record<string, readonly [number, number]>> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    }
    const way = arrows[event.key]
    if (way !== undefined && event.shiftKey)
      this.#flyTo({ scale: this.#scale, left: this.#left - 120 * way[0], top: this.#top - 120 * way[1] })
    else if (way !== undefined) this.#step(way)
    else if (event.key === '+' || event.key === '=') this.zoom(1.6)
    else if (event.key === '-') this.zoom(1 / 1.6)
    else if (event.key === '0') this.fit()
    else if (event.key === 'Enter' && this.#hovered >= 0) this.#events.onPick(this.#hovered)
    else return
    event.preventDefault()
  }

  /** Goes from the paper at hand to the nearest in a direction. */
  #step([wayX, wayY]: readonly [number, number]): void {
    const from = this.#hovered >= 0 ? this.#hovered : this.#selected
    const x = from >= 0 ? this.#x[from] : (this.#width / 2 - this.#left) / this.#scale
    const y = from >= 0 ? this.#y[from] : (this.#height / 2 - this.#top) / this.#scale
    let best = -1
    let least = Number.POSITIVE_INFINITY
    for (let row = 0; row < this.#x.length; row++) {
      if (this.#shown[row] === 0 || row === from) continue
      const along = (this.#x[row] - x) * wayX + (this.#y[row] - y) * wayY
      const aside = Math.abs((this.#x[row] - x) * wayY) + Math.abs((this.#y[row] - y) * wayX)
      // What lies more to the side than ahead is reached by another arrow.
      const cost = from < 0 ? Math.abs(along) + aside : along > 0 && aside <= along ? along + 2 * aside : Number.NaN
      if (cost < least) {
        least = cost
        best = row
      }
    }
    if (best < 0) return
    this.hover(best)
    this.reveal([best])
    this.#events.onStep(best)
  }
}

const fonts = 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif'

const isApart = (a: Box, b: Box) => a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top
const isInside = ({ top, bottom }: Box, height: number) => top >= 0 && bottom <= height

/** The terms that a label begins with, as many as `width` characters hold, but one at least. */
function firstTerms(label: string, width: number): string {
  const [first, ...others] = label.split(', ')
  let taken = first
  for (const term of others) {
    if (taken.length + 2 + term.length > width) break
    taken += `, ${term}`
  }
  return taken
}

/** A label in lines of about `width` characters, broken after commas where it can be. */
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

/** `#rrggbb` as the little-endian word of an opaque pixel. */
function packedColour(hex: string): number {
  const value = Number.parseInt(hex.slice(1), 16)
  return ((0xff << 24) | ((value & 0xff) << 16) | (value & 0xff00) | (value >> 16)) >>> 0
}

function mixed(under: number, over: number, share: number): number {
  const channel = (shift: number) => {
    const below = (under >>> shift) & 0xff
    return (below + (((over >>> shift) & 0xff) - below) * share) << shift
  }
  const alpha = Math.max(under >>> 24, (255 * share) | 0)
  return ((alpha << 24) | (channel(16) & 0xff0000) | (channel(8) & 0xff00) | (channel(0) & 0xff)) >>> 0
}
