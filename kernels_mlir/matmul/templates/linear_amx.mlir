{#- y = x w^T + b in bfloat16 with float32 sums, in AMX tiles; a Jinja template, for tiles are unrolled.

A tile is 16 rows of 64 bytes. Two dispatches: the first copies x into tiles, [tile row, step, half,
row, element], 32 rows and 32 elements a step. The second multiplies, in parts of `rows_each` rows of
tiles and some panels of 32 columns of the weight. For a part it walks along the rows of x in blocks of
`block` steps: the block of a panel stays in the first cache for all rows, that of x in the second
cache for all panels. Four tiles of sums stay in registers within a block; between blocks they are in
a buffer, one for each workgroup, which takes several parts in turn. Up to `few_rows` rows take one
block, if the weight is packed: then reading the weight is what takes the time.

Each sum begins at the bias and takes the steps in order, whatever the blocks, so the bits of a row
depend on nothing else. The last block rounds to bfloat16.

`packed`: w is [panel, pair of elements, column and parity], else [column, k], and the block of a
panel is brought into that form on the stack. So are integers (`form` "w8" or "w4"): they are
multiplied by the scales of their groups, and rounded to bfloat16.

`finished`: the sums begin at zero, and an activation, a gate or a residual follows them.
-#}
{%- set finished = finished | default(false) -%}
{%- set gated = finished and gated -%}
{%- set form = form | default('float') -%}
{%- set integers = form != 'float' -%}
{%- if finished %}{% from 'product_end.mlir' import constants, end_of with context %}{% endif -%}
{%- if integers %}{% from 'product_numbers.mlir' import tables, numbers_of with context %}{% endif -%}
{%- set groups = (['scale'] + (['zeros'] if zeros else [])) if integers else [] -%}
{%- set ends = groups + (['bias'] if bias else []) + (['residual'] if residual else []) if finished else [] -%}
{%- set starts = bias and not finished -%}
{%- set rows_of_w = rows_of_w | default(n) -%}
{%- set steps = (k + 31) // 32 -%}
{%- set panels = (rows_of_w + 31) // 32 -%}
{%- set nfull = 'true' if rows_of_w % 32 == 0 else 'false' -%}
{%- set kfull = 'true' if k % 32 == 0 else 'false' -%}
{%- set amx = '!llvm.x86_amx' -%}
{%- macro pointer(name, address) %}
            %{{ name }}_i = arith.index_cast {{ address }} : index to i64
            %{{ name }} = llvm.inttoptr %{{ name }}_i : i64 to !llvm.ptr
{%- endmacro -%}
{%- macro steps_of(name, tiles) %}
          // The steps of a block, `{{ tiles }}` x 2 tiles of sums.
{%- for r in range(tiles) %}{% for j in range(2) %}
            %{{ name }}_from{{ r }}{{ j }} = arith.select %is_first, %bias_at{{ j }}, %sum_at{{ r }}{{ j }} : index
            {{- pointer(name ~ '_p' ~ r ~ j, '%' ~ name ~ '_from' ~ r ~ j) }}
            %{{ name }}_c{{ r }}{{ j }} = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"(%full, %line, %{{ name }}_p{{ r }}{{ j }}, %from_stride) : (i16, i16, !llvm.ptr, i64) -> {{ amx }}
{%- endfor %}{% endfor %}
          %{{ name }}:{{ tiles * 2 }} = scf.for %s = %c0 to %count step %c1 iter_args(
            {%- for r in range(tiles) %}{% for j in range(2) %}%a{{ r }}{{ j }} = %{{ name }}_c{{ r }}{{ j }}{{ ', ' if not (loop.last and r == tiles - 1) }}{% endfor %}{% endfor -%}
            ) -> ({% for q in range(tiles * 2) %}{{ amx }}{{ ', ' if not loop.last }}{% endfor %}) {
            %skip = arith.muli %s, %c2048 : index
            %xk = arith.addi %x_at, %skip : index
            %wk0 = arith.addi %w_at, %skip : index
            %wk1 = arith.addi %wk0, %c64 : index
            {{- pointer('px0', '%xk') }}
            {{- pointer('pw0', '%wk0') }}
            {{- pointer('pw1', '%wk1') }}
            %x0 = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"(%full, %line, %px0, %x_stride) : (i16, i16, !llvm.ptr, i64) -> {{ amx }}
            %w0 = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"(%full, %line, %pw0, %w_stride) : (i16, i16, !llvm.ptr, i64) -> {{ amx }}
            %n00 = llvm.call_intrinsic "llvm.x86.tdpbf16ps.internal"(%full, %line, %line, %a00, %x0, %w0) : (i16, i16, i16, {{ amx }}, {{ amx }}, {{ amx }}) -> {{ amx }}
            %w1 = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"(%full, %line, %pw1, %w_stride) : (i16, i16, !llvm.ptr, i64) -> {{ amx }}
            %n01 = llvm.call_intrinsic "llvm.x86.tdpbf16ps.internal"(%full, %line, %line, %a01, %x0, %w1) : (i16, i16, i16, {{ amx }}, {{ amx }}, {{ amx }}) -> {{ amx }}
{%- if tiles == 2 %}
            %xk1 = arith.addi %xk, %c1024 : index
            {{- pointer('px1', '%xk1') }}
            %x1 = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"(%full, %line, %px1, %x_stride) : (i16, i16, !llvm.ptr, i64) -> {{ amx }}
            %n10 = llvm.call_intrinsic "llvm.x86.tdpbf16ps.internal"(%full, %line, %line, %a10, %x1, %w0) : (i16, i16, i16, {{ amx }}, {{ amx }}, {{ amx }}) -> {{ amx }}
            %n11 = llvm.call_intrinsic "llvm.x86.tdpbf16ps.internal"(%full, %line, %line, %a11, %x1, %w1) : (i16, i16, i16, {{ amx }}, {{ amx }}, {{ amx }}) -> {{ amx }}
{%- endif %}
{%- if packed %}
            %ahead_in = arith.muli %s, %ahead_step : index
            %ahead_s = arith.addi %ahead_at, %ahead_in : index
            scf.for %q = %c0 to %ahead_step step %c64 {
              %ahead_q = arith.addi %ahead_s, %q : index
              {{- pointer('pq', '%ahead_q') }}
              "llvm.intr.prefetch"(%pq) <{cache = 1 : i32, hint = 2 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
            }
{%- endif %}
            scf.yield {% for r in range(tiles) %}{% for j in range(2) %}%n{{ r }}{{ j }}{{ ', ' if not (loop.last and r == tiles - 1) }}{% endfor %}{% endfor %} : {% for q in range(tiles * 2) %}{{ amx }}{{ ', ' if not loop.last }}{% endfor %}
          }
{%- for r in range(tiles) %}{% for j in range(2) %}
            %{{ name }}_to{{ r }}{{ j }} = arith.select %is_last, %out_at{{ r }}{{ j }}, %sum_at{{ r }}{{ j }} : index
            {{- pointer(name ~ '_q' ~ r ~ j, '%' ~ name ~ '_to' ~ r ~ j) }}
            llvm.call_intrinsic "llvm.x86.tilestored64.internal"(%full, %line, %{{ name }}_q{{ r }}{{ j }}, %to_stride, %{{ name }}#{{ r * 2 + j }}) : (i16, i16, !llvm.ptr, i64, {{ amx }}) -> ()
{%- endfor %}{% endfor %}
{%- endmacro -%}
{%- macro block_of_integers() %}{% set words = 32 // step %}
            // 32 columns of the block: integers times the scales of their groups, in pairs.
            %panel0 = arith.addi %p, %c0 : index
            %lane0_0 = arith.constant 0 : index
            %lane0_1 = arith.constant 16 : index
            %group_size = arith.constant {{ group }} : index
            %words = arith.constant {{ words }} : index
            %last_word = arith.constant {{ panel_steps - 1 }} : index
            %last_group = arith.constant {{ k // group - 1 }} : index
            %high = arith.constant dense<16> : vector<16xi32>
            scf.for %s = %c0 to %count step %c1 {
              %sk = arith.addi %s0, %s : index
              %kk = arith.muli %sk, %c32 : index
              %wi = arith.muli %s, %c16 : index
              %g_all = arith.divui %kk, %group_size : index
              %g = arith.minui %g_all, %last_group : index
              %word0 = arith.muli %sk, %words : index
{%- for j in range(2) %}
              %sc{{ j }}_e = vector.load %scale[%p, %g, %lane0_{{ j }}] : !scale, vector<16x{{ scale_element }}>
{%- if scale_element != 'f32' %}
              %sc{{ j }} = arith.extf %sc{{ j }}_e : vector<16x{{ scale_element }}> to !f
{%- else %}
              %sc{{ j }} = arith.addf %sc{{ j }}_e, %none : !f
{%- endif %}
{%- if zeros %}
              %ze{{ j }}_e = vector.load %zeros[%p, %g, %lane0_{{ j }}] : !zeros, vector<16xi8>
              %ze{{ j }}_i = arith.extsi %ze{{ j }}_e : vector<16xi8> to vector<16xi32>
              %ze{{ j }} = arith.sitofp %ze{{ j }}_i : vector<16xi32> to !f
{%- endif %}
{%- endfor %}
              scf.for %q = %c0 to %words step %c1 {
                %at_all = arith.addi %word0, %q : index
                %at = arith.minui %at_all, %last_word : index
                %pairs = arith.constant {{ step // 2 }} : index
                %in_step = arith.muli %q, %pairs : index
                %row_of = arith.addi %wi, %in_step : index
{%- for j in range(2) %}
                {{- numbers_of('w%d_' | format(j), 0, j, '%at') }}
                %j{{ j }} = arith.constant {{ j }} : index
{%- for u in range(step) %}
{%- if zeros %}
                %c{{ j }}_{{ u }} = arith.subf %w{{ j }}_{{ u }}, %ze{{ j }} : !f
                %m{{ j }}_{{ u }} = arith.mulf %c{{ j }}_{{ u }}, %sc{{ j }} : !f
{%- else %}
                %m{{ j }}_{{ u }} = arith.mulf %w{{ j }}_{{ u }}, %sc{{ j }} : !f
{%- endif %}
                %b{{ j }}_{{ u }} = llvm.call_intrinsic "llvm.x86.avx512bf16.cvtneps2bf16.512"(%m{{ j }}_{{ u }}) : (!f) -> vector<16xbf16>
                %i{{ j }}_{{ u }} = vector.bitcast %b{{ j }}_{{ u }} : vector<16xbf16> to vector<16xi16>
                %e{{ j }}_{{ u }} = arith.extui %i{{ j }}_{{ u }} : vector<16xi16> to vector<16xi32>
{%- endfor %}
{%- for t in range(step // 2) %}
                %h{{ j }}_{{ t }} = arith.shli %e{{ j }}_{{ 2 * t + 1 }}, %high : vector<16xi32>
                %pair{{ j }}_{{ t }} = arith.ori %e{{ j }}_{{ 2 * t }}, %h{{ j }}_{{ t }} : vector<16xi32>
                %t{{ j }}_{{ t }} = arith.constant {{ t }} : index
                %to{{ j }}_{{ t }} = arith.addi %row_of, %t{{ j }}_{{ t }} : index
                vector.store %pair{{ j }}_{{ t }}, %wblock[%to{{ j }}_{{ t }}, %j{{ j }}, %c0] : memref<{{ block * 16 }}x2x16xi32>, vector<16xi32>
{%- endfor %}{% endfor %}
              }
            }
{%- endmacro %}
!x = memref<?x{{ k }}xbf16>
!tiles = memref<?x{{ steps }}x2x16x32xbf16>
{%- if packed %}
!w = memref<{{ panels }}x{{ steps * 16 }}x64xbf16>
!wt = tensor<{{ panels }}x{{ steps * 16 }}x64xbf16>
{%- elif integers %}
!w = memref<{{ w_shape }}x{{ w_element }}>
!wt = tensor<{{ w_shape }}x{{ w_element }}>
!scale = memref<{{ panels }}x{{ k // group }}x32x{{ scale_element }}>
!scalet = tensor<{{ panels }}x{{ k // group }}x32x{{ scale_element }}>
!zeros = memref<{{ panels }}x{{ k // group }}x32xi8>
!zerost = tensor<{{ panels }}x{{ k // group }}x32xi8>
{%- else %}
!w = memref<{{ rows_of_w }}x{{ k }}xbf16>
!wt = tensor<{{ rows_of_w }}x{{ k }}xbf16>
{%- endif %}
!b = memref<{{ n }}xbf16>
!y = memref<?x{{ n }}xbf16>
!sums = memref<?x1024xf32>
!xt = tensor<?x{{ k }}xbf16>
!tilest = tensor<?x{{ steps }}x2x16x32xbf16>
!bt = tensor<{{ n }}xbf16>
!yt = tensor<?x{{ n }}xbf16>
!sumst = tensor<?x1024xf32>
!e = vector<32xbf16>
!f = vector<16xf32>
#tile_layout = #hal.pipeline.layout<constants = 2, bindings = [
  #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer>]>
#layout = #hal.pipeline.layout<constants = 8, bindings = [
  #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>,
{%- if starts %} #hal.pipeline.binding<storage_buffer, ReadOnly>,{% endif %}
{%- for name in ends %} #hal.pipeline.binding<storage_buffer, ReadOnly>,{% endfor %}
  #hal.pipeline.binding<storage_buffer>, #hal.pipeline.binding<storage_buffer>]>
{%- if finished %}
!bias = memref<{{ bias_size }}x{{ bias_element }}>
!biast = tensor<{{ bias_size }}x{{ bias_element }}>
!residual = memref<?x{{ n }}x{{ residual_element }}>
!residualt = tensor<?x{{ n }}x{{ residual_element }}>
{%- endif %}
{%- macro constant(name, layout, ordinal) %}
      %{{ name }}_i32 = hal.interface.constant.load layout(#{{ layout }}) ordinal({{ ordinal }}) : i32
      %{{ name }} = arith.index_castui %{{ name }}_i32 : i32 to index
{%- endmacro %}

hal.executable.source private @linear_amx {
  hal.executable.export public @linear_amx_tiles ordinal(0) layout(#tile_layout) count(%device: !hal.device, %tile_rows: index, %parts: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    hal.return %parts, %tile_rows, %one : index, index, index
  }
  hal.executable.export public @linear_amx_product ordinal(1) layout(#layout) count(%device: !hal.device, %workers: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    hal.return %workers, %one, %one : index, index, index
  }
  builtin.module {
{%- if finished %}
{{ functions }}
{%- endif %}
    func.func @linear_amx_tiles() {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c32 = arith.constant 32 : index
      %c16 = arith.constant 16 : index
      %steps = arith.constant {{ steps }} : index
      %each = arith.constant {{ tile_steps }} : index
      %zero = arith.constant 0.0 : bf16
      {{- constant('m', 'tile_layout', 0) }}
      {{- constant('tile_rows', 'tile_layout', 1) }}
      %xs = hal.interface.binding.subspan layout(#tile_layout) binding(0) offset(%c0) : !x{ %m }
      %ts = hal.interface.binding.subspan layout(#tile_layout) binding(1) offset(%c0) : !tiles{ %tile_rows }
      %part = hal.interface.workgroup.id[0] : index
      %t = hal.interface.workgroup.id[1] : index
      %s0 = arith.muli %part, %each : index
      %s_left = arith.subi %steps, %s0 : index
      %s_count = arith.minui %s_left, %each : index
      %row0 = arith.muli %t, %c32 : index
      %left = arith.subi %m, %row0 : index
      %count = arith.minui %left, %c32 : index
      scf.for %r = %c0 to %count step %c1 {
        %row = arith.addi %row0, %r : index
        %half = arith.divui %r, %c16 : index
        %in = arith.remui %r, %c16 : index
        scf.for %si = %c0 to %s_count step %c1 {
          %s = arith.addi %s0, %si : index
          %at = arith.muli %s, %c32 : index
          %v = vector.transfer_read %xs[%row, %at], %zero {in_bounds = [{{ kfull }}]} : !x, !e
          vector.store %v, %ts[%t, %s, %half, %in, %c0] : !tiles, !e
        }
      }
      return
    }

    func.func @linear_amx_product() {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      %c64 = arith.constant 64 : index
      %c1024 = arith.constant 1024 : index
      %c2048 = arith.constant 2048 : index
      %c3072 = arith.constant 3072 : index
      %c4096 = arith.constant 4096 : index
      %steps = arith.constant {{ steps }} : index
      %panels = arith.constant {{ panels }} : index
      %full = llvm.mlir.constant(16 : i16) : i16
      %line = llvm.mlir.constant(64 : i16) : i16
      %x_stride = llvm.mlir.constant(64 : i64) : i64
      %w_stride = llvm.mlir.constant(128 : i64) : i64
      %still = llvm.mlir.constant(0 : i64) : i64
      %stride = llvm.mlir.constant(64 : i64) : i64
      %zero = arith.constant 0.0 : bf16
      %none = arith.constant dense<0.0> : !f
      {{- constant('m', 'layout', 0) }}
      {{- constant('tile_rows', 'layout', 1) }}
      {{- constant('rows_each', 'layout', 2) }}
      {{- constant('panels_each', 'layout', 3) }}
      {{- constant('block', 'layout', 4) }}
      {{- constant('across', 'layout', 5) }}
      {{- constant('parts', 'layout', 6) }}
      {{- constant('sums_count', 'layout', 7) }}
      %worker = hal.interface.workgroup.id[0] : index
      %workers = hal.interface.workgroup.count[0] : index
      %ts = hal.interface.binding.subspan layout(#layout) binding(0) offset(%c0) : !tiles{ %tile_rows }
      %{{ 'wt' if integers else 'ws' }} = hal.interface.binding.subspan layout(#layout) binding(1) offset(%c0) : !w
{%- set first = 3 if starts else 2 %}
{%- if starts %}
      %bs = hal.interface.binding.subspan layout(#layout) binding(2) offset(%c0) : !b
{%- endif %}
{%- for name in ends %}
      %{{ name }} = hal.interface.binding.subspan layout(#layout) binding({{ first + loop.index0 }}) offset(%c0) : !{{ name }}{{ '{ %m }' if name == 'residual' }}
{%- endfor %}
      %{{ 'y' if finished else 'ys' }} = hal.interface.binding.subspan layout(#layout) binding({{ first + (ends | length) }}) offset(%c0) : !y{ %m }
      %sums = hal.interface.binding.subspan layout(#layout) binding({{ first + (ends | length) + 1 }}) offset(%c0) : !sums{ %sums_count }
{%- if finished %}
      %zero_vector = arith.constant dense<0.0> : !f
      {{- constants() }}
{%- endif %}
      %out = "memref.alloca"() <{alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>}> : () -> memref<4x16x16xf32>
      %start = "memref.alloca"() <{alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>}> : () -> memref<32xf32>
{%- if not packed %}
      %wblock = "memref.alloca"() <{alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>}> : () -> memref<{{ block * 16 }}x2x16xi32>
      %wblock_at = memref.extract_aligned_pointer_as_index %wblock : memref<{{ block * 16 }}x2x16xi32> -> index
{%- endif %}
      %x_base = memref.extract_aligned_pointer_as_index %ts : !tiles -> index
{%- if integers %}
      {{- tables() }}
{%- else %}
      %w_base = memref.extract_aligned_pointer_as_index %ws : !w -> index
{%- endif %}
      %sum_base = memref.extract_aligned_pointer_as_index %sums : !sums -> index
      %out_at00 = memref.extract_aligned_pointer_as_index %out : memref<4x16x16xf32> -> index
      %out_at01 = arith.addi %out_at00, %c1024 : index
      %out_at10 = arith.addi %out_at00, %c2048 : index
      %out_at11 = arith.addi %out_at00, %c3072 : index
      %bias_at0 = memref.extract_aligned_pointer_as_index %start : memref<32xf32> -> index
      %bias_at1 = arith.addi %bias_at0, %c64 : index
{%- if not starts %}
      vector.store %none, %start[%c0] : memref<32xf32>, !f
      vector.store %none, %start[%c16] : memref<32xf32>, !f
{%- endif %}

      %x_row = arith.constant {{ steps * 2048 }} : index
      %own_sums = arith.muli %rows_each, %panels_each : index
      %own_bytes = arith.muli %own_sums, %c4096 : index
      %own_skip = arith.muli %worker, %own_bytes : index
      %own_at = arith.addi %sum_base, %own_skip : index
      %next_worker = arith.addi %worker, %c1 : index
      %first_of = arith.muli %worker, %parts : index
      %end_of = arith.muli %next_worker, %parts : index
      %first_part = arith.divui %first_of, %workers : index
      %end_part = arith.divui %end_of, %workers : index
      scf.for %part = %first_part to %end_part step %c1 {
        %group = arith.remui %part, %across : index
        %rows_group = arith.divui %part, %across : index
        %t0 = arith.muli %rows_group, %rows_each : index
        %t_left = arith.subi %tile_rows, %t0 : index
        %t_count = arith.minui %t_left, %rows_each : index
        %p0 = arith.muli %group, %panels_each : index
        %p_left = arith.subi %panels, %p0 : index
        %p_count = arith.minui %p_left, %panels_each : index

        scf.for %s0 = %c0 to %steps step %block {
          %s_left = arith.subi %steps, %s0 : index
          %count = arith.minui %s_left, %block : index
          %is_first = arith.cmpi eq, %s0, %c0 : index
          %is_last = arith.cmpi ule, %s_left, %block : index
          %from_stride = arith.select %is_first, %still, %stride : i64
          %to_stride = arith.select %is_last, %stride, %stride : i64
          %s_bytes = arith.muli %s0, %c2048 : index
          scf.for %pi = %c0 to %p_count step %c1 {
            %p = arith.addi %p0, %pi : index
            %column = arith.muli %p, %c32 : index
{%- if starts %}
            scf.if %is_first {
{%- for j in range(2) %}
              %off{{ j }} = arith.constant {{ 16 * j }} : index
              %bc{{ j }} = arith.addi %column, %off{{ j }} : index
              %br{{ j }} = vector.transfer_read %bs[%bc{{ j }}], %zero {in_bounds = [{{ nfull }}]} : !b, vector<16xbf16>
              %bf{{ j }} = arith.extf %br{{ j }} : vector<16xbf16> to !f
              vector.store %bf{{ j }}, %start[%off{{ j }}] : memref<32xf32>, !f
{%- endfor %}
            }
{%- endif %}
            %w_panel = arith.muli %p, %x_row : index
            %w_skip = arith.addi %w_panel, %s_bytes : index
{%- if packed %}
            %w_at = arith.addi %w_base, %w_skip : index
            // While this block is used, the next one comes nearer: that of the next panel, or the next
            // of this panel.
            %one_block = arith.cmpi eq, %block, %steps : index
            %near = arith.constant {{ distance }} : index
            %ahead_far = arith.addi %w_at, %x_row : index
            %ahead_base = arith.addi %w_at, %near : index
{%- elif integers %}
            %w_at = arith.addi %wblock_at, %c0 : index
            {{- block_of_integers() }}
{%- else %}
            %w_at = arith.addi %wblock_at, %c0 : index
            %w_row = arith.constant {{ k * 2 }} : index
            %near = arith.constant {{ distance_lying }} : index
            // 32 columns of the block: pairs of neighbours in a row become lanes.
            scf.for %s = %c0 to %count step %c1 {
              %sk = arith.addi %s0, %s : index
              %kk = arith.muli %sk, %c32 : index
              %wi = arith.muli %s, %c16 : index
            %w_in_row = arith.muli %sk, %c64 : index
            %w_near = arith.addi %w_in_row, %w_base : index
            %w_ahead = arith.addi %w_near, %near : index
{%- for j in range(2) %}
              %woff{{ j }} = arith.constant {{ 16 * j }} : index
              %wj{{ j }} = arith.constant {{ j }} : index
              %wcol{{ j }} = arith.addi %column, %woff{{ j }} : index
  {%- for q in range(16) %}
            %wc{{ j }}_{{ q }} = arith.constant {{ q }} : index
            %wf{{ j }}_{{ q }} = arith.addi %wcol{{ j }}, %wc{{ j }}_{{ q }} : index
            %wg{{ j }}_{{ q }} = arith.muli %wf{{ j }}_{{ q }}, %w_row : index
            %wh{{ j }}_{{ q }} = arith.addi %wg{{ j }}_{{ q }}, %w_ahead : index
            {{- pointer('wp' ~ j ~ '_' ~ q, '%wh' ~ j ~ '_' ~ q) }}
            "llvm.intr.prefetch"(%wp{{ j }}_{{ q }}) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
{%- endfor %}
            %wr{{ j }} = vector.transfer_read %ws[%wcol{{ j }}, %kk], %zero {in_bounds = [{{ nfull }}, {{ kfull }}]} : !w, vector<16x32xbf16>
              %ww{{ j }} = vector.bitcast %wr{{ j }} : vector<16x32xbf16> to vector<16x16xi32>
              %wt{{ j }} = vector.transpose %ww{{ j }}, [1, 0] : vector<16x16xi32> to vector<16x16xi32>
{%- for q in range(16) %}
              %wq{{ j }}_{{ q }} = arith.constant {{ q }} : index
              %wk{{ j }}_{{ q }} = arith.addi %wi, %wq{{ j }}_{{ q }} : index
              %wv{{ j }}_{{ q }} = vector.extract %wt{{ j }}[{{ q }}] : vector<16xi32> from vector<16x16xi32>
              vector.store %wv{{ j }}_{{ q }}, %wblock[%wk{{ j }}_{{ q }}, %wj{{ j }}, %c0] : memref<{{ block * 16 }}x2x16xi32>, vector<16xi32>
{%- endfor %}{% endfor %}
            }
{%- endif %}
            scf.for %ti = %c0 to %t_count step %c1 {
              %t = arith.addi %t0, %ti : index
              %row0 = arith.muli %t, %c32 : index
              %m_left = arith.subi %m, %row0 : index
              %m_count = arith.minui %m_left, %c32 : index
              %x_tile = arith.muli %t, %x_row : index
              %x_tile_at = arith.addi %x_base, %x_tile : index
              %x_at = arith.addi %x_tile_at, %s_bytes : index
              %sum_row = arith.muli %pi, %rows_each : index
              %sum_index = arith.addi %sum_row, %ti : index
              %sum_skip = arith.muli %sum_index, %c4096 : index
              %sum_at00 = arith.addi %own_at, %sum_skip : index
              %sum_at01 = arith.addi %sum_at00, %c1024 : index
              %sum_at10 = arith.addi %sum_at00, %c2048 : index
              %sum_at11 = arith.addi %sum_at00, %c3072 : index
{%- if packed %}
              // Each row of tiles fetches its share of the next panel's block.
              %share = arith.divui %c2048, %t_count : index
              %ahead_step = arith.select %one_block, %c2048, %share : index
              %share_all = arith.muli %share, %count : index
              %share_at = arith.muli %share_all, %ti : index
              %ahead_many = arith.addi %ahead_far, %share_at : index
              %ahead_at = arith.select %one_block, %ahead_base, %ahead_many : index
{%- endif %}
              %is_half = arith.cmpi ule, %m_left, %c16 : index
              scf.if %is_half {
                {{- steps_of('half', 1) }}
              } else {
                {{- steps_of('whole', 2) }}
              }
              scf.if %is_last {
                scf.for %r = %c0 to %m_count step %c1 {
                  %half_of = arith.divui %r, %c16 : index
                  %tile0 = arith.addi %half_of, %half_of : index
                  %tile1 = arith.addi %tile0, %c1 : index
                  %in = arith.remui %r, %c16 : index
                  %row = arith.addi %row0, %r : index
                  %o0 = vector.load %out[%tile0, %in, %c0] : memref<4x16x16xf32>, !f
                  %o1 = vector.load %out[%tile1, %in, %c0] : memref<4x16x16xf32>, !f
{%- if gated %}
                  scf.execute_region {
                    %one_column = arith.muli %p, %c16 : index
                    {{- end_of('%o0', '%o1', '%one_column', '%zero_vector') }}
                    scf.yield
                  }
{%- elif finished %}
                  scf.execute_region {
                    {{- end_of('%o0', none, '%column', '%zero_vector') }}
                    scf.yield
                  }
                  scf.execute_region {
                    %second = arith.addi %column, %c16 : index
                    {{- end_of('%o1', none, '%second', '%zero_vector') }}
                    scf.yield
                  }
{%- else %}
                  %o = llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"(%o1, %o0) : (!f, !f) -> !e
                  vector.transfer_write %o, %ys[%row, %column] {in_bounds = [{{ nfull }}]} : !e, !y
{%- endif %}
                }
              }
            }
          }
        }
      }
      return
    }
  }
}

util.func private @linear(%x: !xt, %w: !wt{{ ', %b: !bt' if starts }}{% for name in ends %}, %{{ name }}: !{{ name }}t{% endfor %}) -> !yt {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %rows = tensor.dim %x, %c0 : !xt
  %tile_rows = arith.ceildivui %rows, %c32 : index
  %tile_parts = arith.constant {{ (steps + tile_steps - 1) // tile_steps }} : index
  %few = arith.constant {{ few_rows }} : index
  %is_few = arith.cmpi ule, %rows, %few : index
  %rows_each = arith.constant {{ rows_each }} : index
  %panels_few = arith.constant {{ panels_few }} : index
  %panels_many = arith.constant {{ panels_many }} : index
  %panels_each = arith.select %is_few, %panels_few, %panels_many : index
  %panels = arith.constant {{ panels }} : index
  %block_few = arith.constant {{ steps if packed else block }} : index
  %block_many = arith.constant {{ block }} : index
  %block = arith.select %is_few, %block_few, %block_many : index
  %steps = arith.constant {{ steps }} : index
  %is_one = arith.cmpi uge, %block, %steps : index
  %across = arith.ceildivui %panels, %panels_each : index
  %down = arith.ceildivui %tile_rows, %rows_each : index
  %parts = arith.muli %across, %down : index
  %most = arith.constant {{ workers }} : index
  %shared = arith.minui %parts, %most : index
  %workers = arith.select %is_one, %parts, %shared : index
  %sums_each = arith.muli %rows_each, %panels_each : index
  %sums_all = arith.muli %workers, %sums_each : index
  %sums_count = arith.select %is_one, %c0, %sums_all : index
{%- set numbers = ('rows', 'tile_rows', 'rows_each', 'panels_each', 'block', 'across', 'parts', 'sums_count') %}
{%- for name in numbers %}
  %{{ name }}_i32 = arith.index_castui %{{ name }} : index to i32
{%- endfor %}
  %tiles = flow.dispatch @linear_amx::@linear_amx_tiles[%tile_rows, %tile_parts](%rows_i32, %tile_rows_i32, %x) : (i32, i32, !xt{ %rows }) -> !tilest{ %tile_rows }
  %y:2 = flow.dispatch @linear_amx::@linear_amx_product[%workers]({% for name in numbers %}%{{ name }}_i32, {% endfor %}%tiles, %w{{ ', %b' if starts }}{% for name in ends %}, %{{ name }}{% endfor %}) : ({% for name in numbers %}i32, {% endfor %}!tilest{ %tile_rows }, !wt{{ ', !bt' if starts }}{% for name in ends %}, !{{ name }}t{{ '{ %rows }' if name == 'residual' }}{% endfor %}) -> (!yt{ %rows }, !sumst{ %sums_count })
  util.return %y#0 : !yt
}
