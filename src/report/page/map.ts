// The map: where one looks, what is marked, and what pointers and keys do. Regions and lines are drawn as paths; points and
// labels have layers of their own.

import type { PageCore } from '../page-data.ts'
import { colours as paletteSize, type Theme, themes } from '../palette.ts'
import { listen, type Place } from './gestures.ts'
import { type Label, LabelLayer } from './labels.ts'
import { type Box, flight, type View, zoomed } from './map-view.ts'
import { PointLayer } from './points.ts'

type Colours = (typeof themes)[Theme]

const mapSize = 10_000
const pickDistance = 14
const flightMs = 380
/** Width and height of a picture, and pixels to each of theirs. */
const pictureSize = [960, 600, 2] as const
/** Share of a topic's papers, at each side, that need not be seen when it is brought into view. */
const strays = 0.04

export interface MapEvents {
  /** A point was pointed at, or none. */
  readonly onHover: (row: number, x: number, y: number) => void
  readonly onPick: (row: number) => void
  readonly onPickTopic: (position: number) => void
  /** The arrow keys went to a point. */
  readonly onStep: (row: number) => void
  /** The reader moved the map: its middle and how many times as large as whole it is; undefined where all of it is seen. */
  readonly onMoved: (at: Looking | undefined) => void
  /** A line was drawn around papers. */
  readonly onLasso: (rows: readonly number[]) => void
}

/** Where one looks, in units of the map. */
export interface Looking {
  readonly x: number
  readonly y: number
  /** 1 where all of the map is seen. */
  readonly zoom: number
}

export class PaperMap {
  readonly canvas: HTMLCanvasElement
  readonly #core: PageCore
  readonly #events: MapEvents
  readonly #context: CanvasRenderingContext2D
  readonly #outlines: readonly Path2D[]
  readonly #x: Float32Array
  readonly #y: Float32Array
  readonly #inkOf: Uint8Array
  readonly #points: PointLayer
  readonly #labels: LabelLayer
  readonly #bounds: Box
  readonly #over: readonly Element[]
  #theme: Theme = 'light'
  #shown: Uint8Array
  #topics: ReadonlySet<number> | undefined
  #selected = -1
  #hovered = -1
  #kin: readonly number[] = []
  #width = 0
  #height = 0
  #ratio = 1
  #view: View = { scale: 1, left: 0, top: 0 }
  /** Scale at which all of the map is seen. */
  #fitted = 1
  #isFitted = true
  #pending = 0
  #flight = 0
  #placed: readonly Label[] = []
  #starred: readonly number[] = []
  #picked: ReadonlySet<number> = new Set()
  #lasso: readonly Place[] = []
  #isDrawing = false
  #settling = 0
  #covered = { right: 0, bottom: 0 }

  /** @param over elements over the map that labels keep away from */
  constructor(canvas: HTMLCanvasElement, core: PageCore, events: MapEvents, over: readonly Element[] = []) {
    this.canvas = canvas
    this.#over = over
    this.#core = core
    this.#events = events
    this.#context = canvas.getContext('2d') as CanvasRenderingContext2D
    this.#outlines = core.topics.map(({ outline }) => new Path2D(outline))
    this.#x = Float32Array.from(core.x)
    this.#y = Float32Array.from(core.y)
    this.#inkOf = Uint8Array.from(core.topicOf, (topic) => (topic < 0 ? paletteSize : core.topics[topic]!.colour))
    this.#points = new PointLayer(this.#x, this.#y)
    this.#labels = new LabelLayer(core, this.#x, this.#y)
    this.#shown = new Uint8Array(core.x.length).fill(1)
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

  /** Marks papers with a star, and those that are selected. */
  mark(starred: readonly number[], picked: ReadonlySet<number>): void {
    this.#starred = starred
    this.#picked = picked
    this.draw()
  }

  /** Whether a press on the map draws a line around papers. */
  get isDrawing(): boolean {
    return this.#isDrawing
  }

  set isDrawing(isDrawing: boolean) {
    this.#isDrawing = isDrawing
    this.canvas.style.cursor = isDrawing ? 'crosshair' : 'grab'
  }

  /** Shows all of the map. */
  fit(): void {
    this.#resize()
    this.#flyTo(this.#fit())
  }

  /** Goes to where somebody looked. */
  lookAt({ x, y, zoom }: Looking): void {
    this.#resize()
    const scale = this.#limited(zoom * this.#fit().scale)
    const [wide, high] = [this.#width - this.#covered.right, this.#height - this.#covered.bottom]
    this.#flyTo({ scale, left: wide / 2 - scale * x, top: high / 2 - scale * y })
  }

  zoom(factor: number): void {
    this.#flyTo(zoomed(this.#view, this.#limited(this.#view.scale * factor), this.#width / 2, this.#height / 2))
    this.#moved()
  }

  /** The paper that is marked lightly, or -1. */
  get hovered(): number {
    return this.#hovered
  }

  /** All of the map in the light theme, as a picture of a size that fits on paper, whatever room it has on the screen. */
  picture(): HTMLCanvasElement {
    cancelAnimationFrame(this.#pending)
    this.#stopFlight()
    const before = {
      theme: this.#theme,
      view: this.#view,
      size: [this.#width, this.#height, this.#ratio] as const,
      fitted: this.#fitted,
      marked: [this.#selected, this.#hovered] as const,
      covered: this.#covered,
    }
    this.#theme = 'light'
    this.#covered = { right: 0, bottom: 0 }
    this.#selected = this.#hovered = -1
    this.#take(...pictureSize)
    this.#view = this.#fit()
    this.#fitted = this.#view.scale
    this.#paint()
    const picture = document.createElement('canvas')
    picture.width = this.canvas.width
    picture.height = this.canvas.height
    const context = picture.getContext('2d') as CanvasRenderingContext2D
    context.fillStyle = themes.light.background
    context.fillRect(0, 0, picture.width, picture.height)
    context.drawImage(this.canvas, 0, 0)
    this.#theme = before.theme
    this.#covered = before.covered
    const [selected, hovered] = before.marked
    this.#selected = selected
    this.#hovered = hovered
    this.#take(...before.size)
    this.#view = before.view
    this.#fitted = before.fitted
    this.#paint()
    return picture
  }

  /** Tells where the reader looks, once he has come to rest. */
  #moved(): void {
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => {
      const { scale, left, top } = this.#view
      const [wide, high] = [this.#width - this.#covered.right, this.#height - this.#covered.bottom]
      this.#events.onMoved(
        this.#isFitted
          ? undefined
          : { x: (wide / 2 - left) / scale, y: (high / 2 - top) / scale, zoom: scale / this.#fit().scale },
      )
    }, flightMs + 120)
  }

  /** Brings these papers into view, as large as can be; of many those that lie together, without strays. */
  reveal(rows: readonly number[]): void {
    this.#resize()
    if (rows.length > 0) this.#flyTo(this.#fit(rows, rows.length > 20 ? strays : 0))
  }

  /** Brings a paper into view, and most of its kin where they are not too far, unless they are there. */
  follow(row: number, kin: readonly number[] = []): void {
    this.#resize()
    const inView = kin.filter((other) => this.#isInView(other, 0)).length
    if (this.#isInView(row, 60) && inView >= 0.75 * kin.length) return
    const { scale } = this.#view
    const whole = this.#fit([row, ...kin])
    const goal = Math.max(scale / 4, Math.min(scale, whole.scale))
    if (kin.length > 0 && goal === whole.scale) {
      this.#flyTo(whole)
      return
    }
    const wide = this.#width - this.#covered.right
    const high = this.#height - this.#covered.bottom
    this.#flyTo({ scale: goal, left: wide / 2 - goal * this.#x[row]!, top: high / 2 - goal * this.#y[row]! })
  }

  /** Brings papers into view where most of them are outside. */
  gather(rows: readonly number[]): void {
    this.#resize()
    let inside = 0
    for (const row of rows) if (this.#isInView(row, 0)) inside++
    if (inside < rows.length / 2) this.reveal(rows)
  }

  draw(): void {
    if (this.#pending === 0) this.#pending = requestAnimationFrame(() => this.#paint())
  }

  /** What lies over the map, where no label belongs. */
  #reserved(): Box[] {
    const frame = this.canvas.getBoundingClientRect()
    return this.#over.map((element) => {
      const { left, top, right, bottom } = element.getBoundingClientRect()
      return { left: left - frame.left, top: top - frame.top, right: right - frame.left, bottom: bottom - frame.top }
    })
  }

  // ---- where one looks -----------------------------------------------------------------------------------------

  /** The view that shows rows, or all of the map, in what nothing covers. */
  #fit(rows?: readonly number[], share = 0): View {
    const { left, top, right, bottom } = rows === undefined ? this.#bounds : this.#boundsOf(rows, share)
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

  /** The box around rows, but for a share of them at each of its sides. */
  #boundsOf(rows: readonly number[], share = 0): Box {
    if (rows.length === 0) return { left: mapSize / 2, top: mapSize / 2, right: mapSize / 2, bottom: mapSize / 2 }
    const x = Float32Array.from(rows, (row) => this.#x[row]!).sort()
    const y = Float32Array.from(rows, (row) => this.#y[row]!).sort()
    const first = Math.floor(share * rows.length)
    const last = rows.length - 1 - first
    return { left: x[first]!, top: y[first]!, right: x[last]!, bottom: y[last]! }
  }

  /** Of all points and outlines. */
  #boundsOfAll(): Box {
    let { left, top, right, bottom } = this.#boundsOf([...this.#x.keys()])
    for (const { outline } of this.#core.topics)
      for (const [, x, y] of outline.matchAll(/(-?\d+) (-?\d+)/gu)) {
        left = Math.min(left, Number(x))
        right = Math.max(right, Number(x))
        top = Math.min(top, Number(y))
        bottom = Math.max(bottom, Number(y))
      }
    return { left, top, right, bottom }
  }

  /** Takes the size that the page has given the map, which may have changed since the last frame. */
  #resize(): void {
    const { clientWidth, clientHeight } = this.canvas
    if (clientWidth === 0 || clientHeight === 0) return
    const ratio = Math.min(2, window.devicePixelRatio || 1)
    if (clientWidth === this.#width && clientHeight === this.#height && ratio === this.#ratio) return
    const wasFitted = this.#isFitted
    const { scale, left, top } = this.#view
    const kept = { scale, left: left + (clientWidth - this.#width) / 2, top: top + (clientHeight - this.#height) / 2 }
    this.#take(clientWidth, clientHeight, ratio)
    const whole = this.#fit()
    this.#fitted = whole.scale
    this.#place(wasFitted ? whole : kept)
    // At once: a canvas that was resized is empty, and must not be seen so.
    cancelAnimationFrame(this.#pending)
    this.#paint()
  }

  #take(width: number, height: number, ratio: number): void {
    this.#width = width
    this.#height = height
    this.#ratio = ratio
    this.canvas.width = Math.round(width * ratio)
    this.canvas.height = Math.round(height * ratio)
    this.#points.resize(this.canvas.width, this.canvas.height)
  }

  #place(view: View): void {
    this.#view = view
    this.draw()
  }

  #limited(scale: number): number {
    return Math.max(this.#fitted * 0.5, Math.min(this.#fitted * 400, scale))
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
    const way = flight(this.#view, goal, { x: this.#width / 2, y: this.#height / 2 })
    const step = () => {
      const time = Math.min(1, (performance.now() - begun) / flightMs)
      this.#place(way(1 - (1 - time) ** 3))
      this.#flight = time < 1 ? requestAnimationFrame(step) : 0
    }
    step()
  }

  #stopFlight(): void {
    cancelAnimationFrame(this.#flight)
    this.#flight = 0
  }

  /** Whether a paper is in what nothing covers, `margin` pixels or a quarter away from its edges. */
  #isInView(row: number, margin: number): boolean {
    const [x, y] = this.#at(row)
    const wide = this.#width - this.#covered.right
    const high = this.#height - this.#covered.bottom
    const [marginX, marginY] = [Math.min(margin, wide / 4), Math.min(margin, high / 4)]
    return x > marginX && y > marginY && x < wide - marginX && y < high - marginY
  }

  /** Where a paper is on the screen. */
  #at(row: number): [number, number] {
    const { scale, left, top } = this.#view
    return [scale * this.#x[row]! + left, scale * this.#y[row]! + top]
  }

  // ---- what is drawn -------------------------------------------------------------------------------------------

  #paint(): void {
    this.#pending = 0
    const context = this.#context
    const ratio = this.#ratio
    const colours = themes[this.#theme]
    const radius = this.#radius()
    // What was set for the last frame must not show in this one.
    context.save()
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, this.canvas.width, this.canvas.height)
    this.#paintRegions(colours)
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    this.#paintLines(colours)
    this.#points.paint(this.#view, ratio, {
      radius,
      opacity: this.#opacity(),
      inkOf: this.#inkOf,
      inks: [...colours.topics, colours.apart],
      shown: this.#shown,
      faded: colours.faint,
    })
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.drawImage(this.#points.canvas, 0, 0)
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    this.#paintMarks(colours, radius)
    this.#placed = this.#labels.paint({
      context,
      view: this.#view,
      width: this.#width - this.#covered.right,
      height: this.#height - this.#covered.bottom,
      ratio,
      colours,
      radius,
      chosen: this.#topics,
      reserved: this.#reserved(),
      shown: this.#shown,
      selected: this.#selected,
      zoom: this.#view.scale / this.#fitted,
    })
    context.restore()
  }

  /** How far apart papers would be, spread evenly over the map. */
  #room(): number {
    return Math.sqrt((this.#width * this.#height) / Math.max(1, this.#x.length))
  }

  /** The more papers in the less room, the smaller their points; they grow with the map, but much more slowly. */
  #radius(): number {
    const whole = Math.max(0.8, Math.min(5.5, 0.5 * Math.sqrt(this.#room())))
    return Math.min(9, whole * Math.max(0.6, this.#view.scale / this.#fitted) ** 0.4)
  }

  /** Less than 1 only where papers are crowded. */
  #opacity(): number {
    return Math.max(0.5, Math.min(1, 0.35 + (0.065 * this.#room() * this.#view.scale) / this.#fitted))
  }

  #paintRegions(colours: Colours): void {
    const context = this.#context
    const { scale, left, top } = this.#view
    const ratio = this.#ratio
    context.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * left, ratio * top)
    context.lineWidth = 1 / scale
    for (const [position, { colour }] of this.#core.topics.entries()) {
      const isFaded = this.#topics !== undefined && !this.#topics.has(position)
      context.fillStyle = context.strokeStyle = colours.topics[colour]!
      context.globalAlpha = isFaded ? 0.03 : colours.regionAlpha
      context.fill(this.#outlines[position]!)
      context.globalAlpha = isFaded ? 0.08 : 0.35
      context.stroke(this.#outlines[position]!)
    }
    context.globalAlpha = 1
  }

  /** From the selected paper to its kin. */
  #paintLines(colours: Colours): void {
    if (this.#selected < 0) return
    const context = this.#context
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

  #paintMarks(colours: Colours, radius: number): void {
    const context = this.#context
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
    context.strokeStyle = colours.picked
    for (const row of this.#picked) ring(row, 2, 2)
    context.fillStyle = colours.ink
    context.strokeStyle = colours.background
    context.lineWidth = 1.5
    for (const row of this.#starred) {
      const [x, y] = this.#at(row)
      context.beginPath()
      for (let point = 0; point < 10; point++) {
        const away = (point % 2 === 0 ? 1 : 0.42) * (radius + 3)
        const turn = (point * Math.PI) / 5
        context.lineTo(x + away * Math.sin(turn), y - away * Math.cos(turn))
      }
      context.closePath()
      context.stroke()
      context.fill()
    }
    if (this.#lasso.length === 0) return
    context.beginPath()
    for (const { x, y } of this.#lasso) context.lineTo(x, y)
    context.closePath()
    context.fillStyle = context.strokeStyle = colours.picked
    context.globalAlpha = 0.12
    context.fill('evenodd')
    context.globalAlpha = 1
    context.stroke()
  }

  // ---- pointer and keys ----------------------------------------------------------------------------------------

  #pick(x: number, y: number): number {
    const { scale, left, top } = this.#view
    const reach = Math.max(pickDistance, this.#radius() + 4) / scale
    const mapX = (x - left) / scale
    const mapY = (y - top) / scale
    let best = -1
    let least = reach * reach
    for (let row = 0; row < this.#x.length; row++) {
      if (this.#shown[row] === 0) continue
      const squared = (this.#x[row]! - mapX) ** 2 + (this.#y[row]! - mapY) ** 2
      if (squared <= least) {
        least = squared
        best = row
      }
    }
    return best
  }

  /** Papers in colour that lie within a line. */
  #within(line: readonly Place[]): number[] {
    const rows: number[] = []
    for (let row = 0; row < this.#x.length; row++) {
      if (this.#shown[row] === 0) continue
      const [x, y] = this.#at(row)
      let isInside = false
      for (let i = 0, j = line.length - 1; i < line.length; j = i++) {
        const [one, other] = [line[i], line[j]]
        if (one.y > y !== other.y > y && x < ((other.x - one.x) * (y - one.y)) / (other.y - one.y) + one.x)
          isInside = !isInside
      }
      if (isInside) rows.push(row)
    }
    return rows
  }

  #labelAt(x: number, y: number): number {
    return this.#placed.find((box) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom)?.topic ?? -1
  }

  #point(row: number, x: number, y: number): void {
    this.hover(row)
    this.#events.onHover(row, x, y)
  }

  #listen(): void {
    const { canvas } = this
    listen(canvas, {
      onPoint: (x, y) => {
        const row = this.#pick(x, y)
        if (!this.#isDrawing) canvas.style.cursor = row >= 0 || this.#labelAt(x, y) >= 0 ? 'pointer' : 'grab'
        this.#point(row, x, y)
      },
      onLeave: () => this.#point(-1, 0, 0),
      onHold: () => this.#stopFlight(),
      onMove: (from, to, factor) => {
        this.#stopFlight()
        this.#isFitted = false
        if (factor === 1) canvas.style.cursor = 'grabbing'
        this.#events.onHover(-1, 0, 0)
        const { scale, left, top } = zoomed(this.#view, this.#limited(this.#view.scale * factor), from.x, from.y)
        this.#place({ scale, left: left + to.x - from.x, top: top + to.y - from.y })
        this.#moved()
      },
      onRelease: () => {
        canvas.style.cursor = this.#isDrawing ? 'crosshair' : 'grab'
      },
      isDrawing: ({ shiftKey }) => this.#isDrawing || shiftKey,
      onDraw: (line) => {
        this.#lasso = line
        this.#events.onHover(-1, 0, 0)
        this.draw()
      },
      onDrawn: (line) => {
        this.#lasso = []
        this.draw()
        if (line.length > 2) this.#events.onLasso(this.#within(line))
      },
      onTap: (x, y) => {
        const row = this.#pick(x, y)
        const topic = this.#labelAt(x, y)
        // A label lies over points: it is meant, unless a point is hit squarely.
        if (topic >= 0 && (row < 0 || this.#hovered !== row)) this.#events.onPickTopic(topic)
        else if (row >= 0) this.#events.onPick(row)
        else if (topic >= 0) this.#events.onPickTopic(topic)
      },
      onDoubleTap: (x, y) => {
        if (this.#pick(x, y) >= 0) return
        this.#flyTo(zoomed(this.#view, this.#limited(this.#view.scale * 2), x, y))
        this.#moved()
      },
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
    if (way !== undefined && event.shiftKey) {
      this.#flyTo({ ...this.#view, left: this.#view.left - 120 * way[0], top: this.#view.top - 120 * way[1] })
      this.#moved()
    } else if (way !== undefined) this.#step(way)
    else if (event.key === '+' || event.key === '=') this.zoom(1.6)
    else if (event.key === '-') this.zoom(1 / 1.6)
    else if (event.key === '0') {
      this.fit()
      this.#moved()
    } else if (event.key === 'Enter' && this.#hovered >= 0) this.#events.onPick(this.#hovered)
    else return
    event.preventDefault()
  }

  /** Goes from the paper at hand to the nearest in a direction. */
  #step([wayX, wayY]: readonly [number, number]): void {
    const from = this.#hovered >= 0 ? this.#hovered : this.#selected
    const { scale, left, top } = this.#view
    const x = from >= 0 ? this.#x[from]! : (this.#width / 2 - left) / scale
    const y = from >= 0 ? this.#y[from]! : (this.#height / 2 - top) / scale
    let best = -1
    let least = Number.POSITIVE_INFINITY
    for (let row = 0; row < this.#x.length; row++) {
      if (this.#shown[row] === 0 || row === from) continue
      const along = (this.#x[row]! - x) * wayX + (this.#y[row]! - y) * wayY
      const aside = Math.abs((this.#x[row]! - x) * wayY) + Math.abs((this.#y[row]! - y) * wayX)
      // What lies more to the side than ahead is reached by another arrow.
      const cost = from < 0 ? Math.abs(along) + aside : along > 0 && aside <= along ? along + 2 * aside : Number.NaN
      if (cost < least) {
        least = cost
        best = row
      }
    }
    if (best < 0) return
    this.hover(best)
    this.follow(best)
    this.#events.onStep(best)
  }
}
