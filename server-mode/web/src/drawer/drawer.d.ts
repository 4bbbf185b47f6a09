/* tslint:disable */
/* eslint-disable */

export class Drawer {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Forgets voxels that came in part.
     */
    abandon(): void;
    /**
     * The answer has ended: from now on these voxels are drawn.
     */
    arrived(): void;
    /**
     * The series that is to be drawn: `seriesOpened` as it came. What was there before is let go.
     */
    begin(opened: string): void;
    /**
     * Draws a view, one that is `moving` with as many pixels along each axis as `scale` leaves of it.
     */
    draw(view: number, scale: number, moving: boolean): Promise<Picture>;
    hide(view: number): void;
    /**
     * What the server would tell of a view: the message `view`.
     */
    info(view: number): string;
    /**
     * Milliseconds that a picture of the volume takes while it is turned, as it first looks.
     */
    measure(width: number, height: number): Promise<number>;
    /**
     * Does what a client's message asks of a view. Returns the views whose pictures change.
     */
    obey(view: number, message: string): Uint8Array;
    /**
     * Opens the browser's adapter, and sees that it draws a test scene right.
     */
    static open(): Promise<Drawer>;
    /**
     * Bytes of an answer with voxels, in order. Returns how much of it is there, 0 to 1. Fails as soon as it is
     * known that the volume does not fit, in words.
     */
    push(bytes: Uint8Array | number[], most_bytes: number): number;
    /**
     * The `set` that brings the server's view to where this one is.
     */
    set(view: number, moving: boolean): string;
    /**
     * Draws a view here, or takes over what has become of it: `viewState` as it came. `keep_place` where a hand
     * has moved it since it was asked for. Fails in words where only the server can draw it.
     */
    show(told: string, keep_place: boolean): void;
}

/**
 * A picture's colours, 4 bytes a pixel, rows from the top.
 */
export class Picture {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Its bytes, once.
     */
    pixels(): Uint8Array;
    height: number;
    width: number;
}

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_drawer_free: (a: number, b: number) => void;
    readonly __wbg_get_picture_height: (a: number) => number;
    readonly __wbg_get_picture_width: (a: number) => number;
    readonly __wbg_picture_free: (a: number, b: number) => void;
    readonly __wbg_set_picture_height: (a: number, b: number) => void;
    readonly __wbg_set_picture_width: (a: number, b: number) => void;
    readonly drawer_abandon: (a: number) => void;
    readonly drawer_arrived: (a: number) => [number, number];
    readonly drawer_begin: (a: number, b: number, c: number) => [number, number];
    readonly drawer_draw: (a: number, b: number, c: number, d: number) => any;
    readonly drawer_hide: (a: number, b: number) => void;
    readonly drawer_info: (a: number, b: number) => [number, number, number, number];
    readonly drawer_measure: (a: number, b: number, c: number) => any;
    readonly drawer_obey: (a: number, b: number, c: number, d: number) => [number, number, number, number];
    readonly drawer_open: () => any;
    readonly drawer_push: (a: number, b: number, c: number, d: number) => [number, number, number];
    readonly drawer_set: (a: number, b: number, c: number) => [number, number, number, number];
    readonly drawer_show: (a: number, b: number, c: number, d: number) => [number, number];
    readonly picture_pixels: (a: number) => [number, number];
    readonly wasm_bindgen_609ce1be34a75b2d___convert__closures_____invoke___js_sys_bb483815dbdf75f2___Function_fn_wasm_bindgen_609ce1be34a75b2d___JsValue_____wasm_bindgen_609ce1be34a75b2d___sys__Undefined___js_sys_bb483815dbdf75f2___Function_fn_wasm_bindgen_609ce1be34a75b2d___JsValue_____wasm_bindgen_609ce1be34a75b2d___sys__Undefined_______true_: (a: number, b: number, c: any, d: any) => void;
    readonly wasm_bindgen_609ce1be34a75b2d___convert__closures_____invoke___wasm_bindgen_609ce1be34a75b2d___sys__JsNullable_wgpu_a5d6fb4cf0e9a57d___backend__webgpu__webgpu_sys__gen_GpuAdapter__GpuAdapter___core_693f268b3103fce3___result__Result_____wasm_bindgen_609ce1be34a75b2d___JsError___true_: (a: number, b: number, c: any) => [number, number];
    readonly wasm_bindgen_609ce1be34a75b2d___convert__closures_____invoke___wasm_bindgen_609ce1be34a75b2d___sys__JsNullable_wgpu_a5d6fb4cf0e9a57d___backend__webgpu__webgpu_sys__gen_GpuAdapter__GpuAdapter___core_693f268b3103fce3___result__Result_____wasm_bindgen_609ce1be34a75b2d___JsError___true__19: (a: number, b: number, c: any) => [number, number];
    readonly wasm_bindgen_609ce1be34a75b2d___convert__closures_____invoke___wasm_bindgen_609ce1be34a75b2d___sys__JsNullable_wgpu_a5d6fb4cf0e9a57d___backend__webgpu__webgpu_sys__gen_GpuAdapter__GpuAdapter___core_693f268b3103fce3___result__Result_____wasm_bindgen_609ce1be34a75b2d___JsError___true__22: (a: number, b: number, c: any) => [number, number];
    readonly wasm_bindgen_609ce1be34a75b2d___convert__closures_____invoke___wasm_bindgen_609ce1be34a75b2d___sys__JsNullable_wgpu_a5d6fb4cf0e9a57d___backend__webgpu__webgpu_sys__gen_GpuAdapter__GpuAdapter___core_693f268b3103fce3___result__Result_____wasm_bindgen_609ce1be34a75b2d___JsError___true__23: (a: number, b: number, c: any) => [number, number];
    readonly wasm_bindgen_609ce1be34a75b2d___convert__closures_____invoke___wgpu_a5d6fb4cf0e9a57d___backend__webgpu__webgpu_sys__gen_GpuDeviceLostInfo__GpuDeviceLostInfo______true_: (a: number, b: number, c: any) => void;
    readonly wasm_bindgen_609ce1be34a75b2d___convert__closures_____invoke___wgpu_a5d6fb4cf0e9a57d___backend__webgpu__webgpu_sys__gen_GpuDeviceLostInfo__GpuDeviceLostInfo______true__21: (a: number, b: number, c: any) => void;
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __wbindgen_exn_store: (a: number) => void;
    readonly __externref_table_alloc: () => number;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __wbindgen_destroy_closure: (a: number, b: number) => void;
    readonly __externref_table_dealloc: (a: number) => void;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
