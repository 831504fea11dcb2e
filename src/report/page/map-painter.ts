// Draws the map: regions and lines as paths, points and labels by layers of their own, and the marks of papers.
import type { PageCore } from '../page-data.ts'
import { colours as paletteSize, type Theme, themes } from '../palette.ts'
import type { Box, Camera } from './camera.ts'
import type { Place } from './gestures.ts'
import { type Label, LabelLayer } from './labels.ts'
import { PointLayer } from './points.ts'

type Colours = (typeof themes)[Theme]

/** What is drawn; papers are rows. */
export interface MapScene {
  readonly theme: Theme
  /** 1 for papers in colour; the others fade. */
  readonly shown: Uint8Array
  /** Chosen topics; the others fade. Undefined for no choice. */
  readonly topics: ReadonlySet<number> | undefined
  /** The open paper, or -1. */
  readonly selected: number
  /** Papers that the selected one has lines to. */
  readonly kin: readonly number[]
  /** The paper pointed at, or -1. */
  readonly hovered: number
  readonly starred: readonly number[]
  readonly picked: ReadonlySet<number>
  /** The line being drawn around papers. */
  readonly lasso: readonly Place[]
}

export class MapPainter {
  readonly #canvas: HTMLCanvasElement
  readonly #context: CanvasRenderingContext2D
  readonly #core: PageCore
  readonly #outlines: readonly Path2D[]
  readonly #inkOf: Uint8Array
  readonly #points: PointLayer
  readonly #labels: LabelLayer

  constructor(
    canvas: HTMLCanvasElement,
    core: PageCore,
    { x, y }: { readonly x: Float32Array; readonly y: Float32Array },
  ) {
    this.#canvas = canvas
    this.#context = canvas.getContext('2d') as CanvasRenderingContext2D
    this.#core = core
    this.#outlines = core.topics.map(({ outline }) => new Path2D(outline))
    this.#inkOf = Uint8Array.from(core.topicOf, (topic) => (topic < 0 ? paletteSize : core.topics[topic]!.colour))
    this.#points = new PointLayer(x, y)
    this.#labels = new LabelLayer(core, x, y)
  }

  /** Takes the camera's size, which empties the canvas. */
  resize({ width, height, ratio }: Camera): void {
    this.#canvas.width = Math.round(width * ratio)
    this.#canvas.height = Math.round(height * ratio)
    this.#points.resize(this.#canvas.width, this.#canvas.height)
  }

  /**
   * Draws a frame; returns where the labels are.
   * @param reserved boxes that labels keep away from
   */
  paint(scene: MapScene, camera: Camera, reserved: readonly Box[]): Label[] {
    const context = this.#context
    const { ratio, view } = camera
    const colours = themes[scene.theme]
    const radius = this.radius(camera)
    // Settings of this frame must not leak into the next.
    context.save()
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height)
    this.#paintRegions(scene, camera, colours)
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    this.#paintLines(scene, camera, colours)
    this.#points.paint(view, ratio, {
      radius,
      opacity: this.#opacity(camera),
      inkOf: this.#inkOf,
      inks: [...colours.topics, colours.apart],
      shown: scene.shown,
      faded: colours.faint,
    })
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.drawImage(this.#points.canvas, 0, 0)
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    this.#paintMarks(scene, camera, colours)
    this.#paintLasso(scene, colours)
    const labels = this.#labels.paint({
      context,
      view,
      ...camera.free,
      ratio,
      colours,
      radius,
      chosen: scene.topics,
      reserved,
      shown: scene.shown,
      selected: scene.selected,
      zoom: camera.zoom,
    })
    context.restore()
    return labels
  }

  /** Radius of points: smaller the more papers share the space; grows with the zoom, but much more slowly. */
  radius(camera: Camera): number {
    const whole = Math.max(0.8, Math.min(5.5, 0.5 * Math.sqrt(this.#spacing(camera))))
    return Math.min(9, whole * Math.max(0.6, camera.zoom) ** 0.4)
  }

  /** Distance between papers if they were spread evenly over the map. */
  #spacing({ width, height }: Camera): number {
    return Math.sqrt((width * height) / Math.max(1, this.#inkOf.length))
  }

  /** Less than 1 only where papers are crowded. */
  #opacity(camera: Camera): number {
    return Math.max(0.5, Math.min(1, 0.35 + 0.065 * this.#spacing(camera) * camera.zoom))
  }

  #paintRegions({ topics }: MapScene, { ratio, view }: Camera, colours: Colours): void {
    const context = this.#context
    const { scale, left, top } = view
    context.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * left, ratio * top)
    context.lineWidth = 1 / scale
    for (const [position, outline] of this.#outlines.entries()) {
      const isFaded = topics !== undefined && !topics.has(position)
      context.fillStyle = context.strokeStyle = colours.topics[this.#core.topics[position]!.colour]!
      context.globalAlpha = isFaded ? 0.03 : colours.regionAlpha
      context.fill(outline)
      context.globalAlpha = isFaded ? 0.08 : 0.35
      context.stroke(outline)
    }
    context.globalAlpha = 1
  }

  /** Lines from the selected paper to its kin. */
  #paintLines({ selected, kin }: MapScene, camera: Camera, colours: Colours): void {
    if (selected < 0) return
    const context = this.#context
    context.strokeStyle = colours.ink
    context.globalAlpha = 0.4
    context.lineWidth = 1
    context.beginPath()
    for (const row of kin) {
      context.moveTo(...camera.at(selected))
      context.lineTo(...camera.at(row))
    }
    context.stroke()
    context.globalAlpha = 1
  }

  #paintMarks({ selected, kin, hovered, picked, starred }: MapScene, camera: Camera, colours: Colours): void {
    const context = this.#context
    const radius = this.radius(camera)
    const ring = (row: number, away: number, line: number) => {
      context.beginPath()
      context.arc(...camera.at(row), radius + away, 0, 2 * Math.PI)
      context.lineWidth = line
      context.stroke()
    }
    context.strokeStyle = colours.ink
    if (selected >= 0) {
      context.globalAlpha = 0.75
      for (const row of kin) ring(row, 1.5, 1.25)
      context.globalAlpha = 1
      ring(selected, 3.5, 2)
    }
    if (hovered >= 0 && hovered !== selected) ring(hovered, 2.5, 1.5)
    context.strokeStyle = colours.picked
    for (const row of picked) ring(row, 2, 2)
    context.fillStyle = colours.ink
    context.strokeStyle = colours.background
    context.lineWidth = 1.5
    for (const row of starred) {
      const [x, y] = camera.at(row)
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
  }

  #paintLasso({ lasso }: MapScene, colours: Colours): void {
    if (lasso.length === 0) return
    const context = this.#context
    context.beginPath()
    for (const { x, y } of lasso) context.lineTo(x, y)
    context.closePath()
    context.lineWidth = 1.5
    context.fillStyle = context.strokeStyle = colours.picked
    context.globalAlpha = 0.12
    context.fill('evenodd')
    context.globalAlpha = 1
    context.stroke()
  }
}
