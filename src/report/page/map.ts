// The map as the reader handles it: what it shows, and what pointers and keys do.
import type { PageCore } from '../page-data.ts'
import { type Theme, themes } from '../palette.ts'
import { type Box, Camera, flightMs, type Looking } from './camera.ts'
import { listen, type Place } from './gestures.ts'
import type { Label } from './labels.ts'
import { MapPainter, type MapScene } from './map-painter.ts'

/** Pixels around a point that count as a hit. */
const pickDistance = 14
/** Width, height and pixel ratio of the printed map. */
const pictureSize = [960, 600, 2] as const

export interface MapEvents {
  /** The pointer is at a paper, or at none (-1). */
  readonly onHover: (row: number, x: number, y: number) => void
  readonly onPick: (row: number) => void
  readonly onPickTopic: (position: number) => void
  /** An arrow key went to a paper. */
  readonly onStep: (row: number) => void
  /** The reader moved the map; undefined for a view of all of it. */
  readonly onMoved: (at: Looking | undefined) => void
  /** A line was drawn around papers. */
  readonly onLasso: (rows: readonly number[]) => void
}

export class PaperMap {
  readonly canvas: HTMLCanvasElement
  readonly #core: PageCore
  readonly #events: MapEvents
  readonly #x: Float32Array
  readonly #y: Float32Array
  readonly #camera: Camera
  readonly #painter: MapPainter
  readonly #over: readonly Element[]
  #scene: MapScene
  #labels: readonly Label[] = []
  #isDrawing = false
  #frame = 0
  #settling = 0

  /** @param over elements over the map that labels keep away from */
  constructor(canvas: HTMLCanvasElement, core: PageCore, events: MapEvents, over: readonly Element[] = []) {
    this.canvas = canvas
    this.#core = core
    this.#events = events
    this.#over = over
    this.#x = Float32Array.from(core.x)
    this.#y = Float32Array.from(core.y)
    this.#scene = {
      theme: 'light',
      shown: new Uint8Array(core.x.length).fill(1),
      topics: undefined,
      selected: -1,
      kin: [],
      hovered: -1,
      starred: [],
      picked: new Set(),
      lasso: [],
    }
    this.#camera = this.#newCamera(() => this.#draw())
    this.#painter = new MapPainter(canvas, core, { x: this.#x, y: this.#y })
    this.#listen()
    new ResizeObserver(() => this.#resize()).observe(canvas)
    this.#resize()
  }

  set theme(theme: Theme) {
    this.#show({ theme })
  }

  /** Shows papers in colour (1) and the chosen topics; the others fade. */
  show(shown: Uint8Array, topics: ReadonlySet<number> | undefined): void {
    this.#show({ shown, topics })
  }

  /** Marks a paper, with lines to its kin; -1 marks none. */
  select(selected: number, kin: readonly number[] = []): void {
    this.#show({ selected, kin })
  }

  /** Highlights a paper; -1 highlights none. */
  hover(hovered: number): void {
    if (hovered !== this.#scene.hovered) this.#show({ hovered })
  }

  /** The highlighted paper, or -1. */
  get hovered(): number {
    return this.#scene.hovered
  }

  mark(starred: readonly number[], picked: ReadonlySet<number>): void {
    this.#show({ starred, picked })
  }

  /** Pixels at the right and at the bottom that something covers. */
  set covered(covered: Camera['covered']) {
    this.#camera.covered = covered
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
    this.#camera.showAll()
  }

  lookAt(at: Looking): void {
    this.#resize()
    this.#camera.lookAt(at)
  }

  zoom(factor: number): void {
    this.#camera.zoomBy(factor)
    this.#moved()
  }

  /** Brings papers into view, as large as possible. */
  reveal(rows: readonly number[]): void {
    this.#resize()
    this.#camera.reveal(rows)
  }

  /** Brings a paper and most of its kin into view, unless they are there or too far apart. */
  follow(row: number, kin: readonly number[] = []): void {
    this.#resize()
    this.#camera.follow(row, kin)
  }

  /** Brings papers into view if most of them are outside. */
  gather(rows: readonly number[]): void {
    this.#resize()
    this.#camera.gather(rows)
  }

  /** The whole map in the light theme, at a size that fits on paper. */
  picture(): HTMLCanvasElement {
    const canvas = document.createElement('canvas')
    const camera = this.#newCamera()
    const painter = new MapPainter(canvas, this.#core, { x: this.#x, y: this.#y })
    camera.resize(...pictureSize)
    painter.resize(camera)
    painter.paint({ ...this.#scene, theme: 'light', selected: -1, hovered: -1 }, camera, this.#reserved())
    const context = canvas.getContext('2d') as CanvasRenderingContext2D
    context.globalCompositeOperation = 'destination-over'
    context.fillStyle = themes.light.background
    context.fillRect(0, 0, canvas.width, canvas.height)
    return canvas
  }

  #newCamera(onChange?: () => void): Camera {
    const outlines = this.#core.topics.map(({ outline }) => outline)
    return new Camera({ x: this.#x, y: this.#y }, outlines, onChange)
  }

  #show(change: Partial<MapScene>): void {
    this.#scene = { ...this.#scene, ...change }
    this.#draw()
  }

  #draw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#paint())
  }

  #paint(): void {
    this.#frame = 0
    this.#labels = this.#painter.paint(this.#scene, this.#camera, this.#reserved())
  }

  /** Boxes of the elements over the map. */
  #reserved(): Box[] {
    const frame = this.canvas.getBoundingClientRect()
    return this.#over.map((element) => {
      const { left, top, right, bottom } = element.getBoundingClientRect()
      return { left: left - frame.left, top: top - frame.top, right: right - frame.left, bottom: bottom - frame.top }
    })
  }

  /** Takes the size of the canvas on the page, which may have changed since the last frame. */
  #resize(): void {
    const { clientWidth, clientHeight } = this.canvas
    if (clientWidth === 0 || clientHeight === 0) return
    if (!this.#camera.resize(clientWidth, clientHeight, Math.min(2, window.devicePixelRatio || 1))) return
    this.#painter.resize(this.#camera)
    // At once: a resized canvas is empty, and would flash.
    cancelAnimationFrame(this.#frame)
    this.#paint()
  }

  /** Reports where the reader looks, once the map is at rest. */
  #moved(): void {
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => this.#events.onMoved(this.#camera.looking), flightMs + 120)
  }

  // ---- pointer and keys ----------------------------------------------------------------------------------------

  /** The nearest paper in colour within reach, or -1. */
  #paperAt(x: number, y: number): number {
    const { scale, left, top } = this.#camera.view
    const reach = Math.max(pickDistance, this.#painter.radius(this.#camera) + 4) / scale
    const mapX = (x - left) / scale
    const mapY = (y - top) / scale
    let best = -1
    let least = reach * reach
    for (let row = 0; row < this.#x.length; row++) {
      if (this.#scene.shown[row] === 0) continue
      const squared = (this.#x[row]! - mapX) ** 2 + (this.#y[row]! - mapY) ** 2
      if (squared <= least) {
        least = squared
        best = row
      }
    }
    return best
  }

  /** Papers in colour inside a line. */
  #within(line: readonly Place[]): number[] {
    const rows: number[] = []
    for (let row = 0; row < this.#x.length; row++) {
      if (this.#scene.shown[row] === 0) continue
      const [x, y] = this.#camera.at(row)
      let isInside = false
      for (let i = 0, j = line.length - 1; i < line.length; j = i++) {
        const [one, other] = [line[i]!, line[j]!]
        if (one.y > y !== other.y > y && x < ((other.x - one.x) * (y - one.y)) / (other.y - one.y) + one.x)
          isInside = !isInside
      }
      if (isInside) rows.push(row)
    }
    return rows
  }

  /** The topic whose label is at a place, or -1. */
  #labelAt(x: number, y: number): number {
    return this.#labels.find((box) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom)?.topic ?? -1
  }

  #point(row: number, x: number, y: number): void {
    this.hover(row)
    this.#events.onHover(row, x, y)
  }

  #listen(): void {
    const { canvas } = this
    listen(canvas, {
      onPoint: (x, y) => {
        const row = this.#paperAt(x, y)
        if (!this.#isDrawing) canvas.style.cursor = row >= 0 || this.#labelAt(x, y) >= 0 ? 'pointer' : 'grab'
        this.#point(row, x, y)
      },
      onLeave: () => this.#point(-1, 0, 0),
      onHold: () => this.#camera.stop(),
      onMove: (from, to, factor) => {
        if (factor === 1) canvas.style.cursor = 'grabbing'
        this.#events.onHover(-1, 0, 0)
        this.#camera.drag(from, to, factor)
        this.#moved()
      },
      onRelease: () => {
        canvas.style.cursor = this.#isDrawing ? 'crosshair' : 'grab'
      },
      isDrawing: ({ shiftKey }) => this.#isDrawing || shiftKey,
      onDraw: (lasso) => {
        this.#events.onHover(-1, 0, 0)
        this.#show({ lasso })
      },
      onDrawn: (line) => {
        this.#show({ lasso: [] })
        if (line.length > 2) this.#events.onLasso(this.#within(line))
      },
      onTap: (x, y) => {
        const row = this.#paperAt(x, y)
        const topic = this.#labelAt(x, y)
        // A label lies over points: it wins, unless a point is hit squarely.
        if (topic >= 0 && (row < 0 || this.hovered !== row)) this.#events.onPickTopic(topic)
        else if (row >= 0) this.#events.onPick(row)
        else if (topic >= 0) this.#events.onPickTopic(topic)
      },
      onDoubleTap: (x, y) => {
        if (this.#paperAt(x, y) >= 0) return
        this.#camera.zoomBy(2, { x, y })
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
      this.#camera.shiftBy(120 * way[0], 120 * way[1])
      this.#moved()
    } else if (way !== undefined) this.#step(way)
    else if (event.key === '+' || event.key === '=') this.zoom(1.6)
    else if (event.key === '-') this.zoom(1 / 1.6)
    else if (event.key === '0') {
      this.fit()
      this.#moved()
    } else if (event.key === 'Enter' && this.hovered >= 0) this.#events.onPick(this.hovered)
    else return
    event.preventDefault()
  }

  /** Goes from the current paper to the nearest in a direction. */
  #step([wayX, wayY]: readonly [number, number]): void {
    const { hovered, selected, shown } = this.#scene
    const from = hovered >= 0 ? hovered : selected
    const { x, y } = from >= 0 ? { x: this.#x[from]!, y: this.#y[from]! } : this.#camera.middle()
    let best = -1
    let least = Number.POSITIVE_INFINITY
    for (let row = 0; row < this.#x.length; row++) {
      if (shown[row] === 0 || row === from) continue
      const along = (this.#x[row]! - x) * wayX + (this.#y[row]! - y) * wayY
      const aside = Math.abs((this.#x[row]! - x) * wayY) + Math.abs((this.#y[row]! - y) * wayX)
      // What lies more to the side than ahead belongs to another arrow.
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
