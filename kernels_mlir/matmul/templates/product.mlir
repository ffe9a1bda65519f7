{#- y = finish(x w^T) in float32, written for CPUs; a Jinja template, because the tiles are unrolled.

A workgroup takes parts in turn: up to `row_block` rows of x and some blocks of `vectors` vectors of
columns of w. Their sums are in a buffer of its own, [block, row, vector, lane]: those of a tile lie
together, since Intel's CPUs take addresses with equal last 12 bits for one. The last thing that is
done with them is the bias, the activation or the gate, and the residual, so y is written once.

It goes along the rows in blocks of `depth`. For each block it copies `rows_max` rows of x to the
stack and adds their products with the columns to the sums. A tile of rows and vectors stays in
registers for one group of w, then it is multiplied by the scale of the group. Fewer rows than
`rows_max` use tiles of `tails` rows in turn.

`form`: "float" for a packed float weight, "w8" or "w4" for integers. Integers become numbers in
registers for few rows (`streams`: by number of rows the blocks of columns that are read at once); for
more rows a block of the columns becomes numbers on the stack, once for all rows. `dot`: whether pairs
of bf16 are multiplied (`vdpbf16ps`). Each sum is made in the same order for any number of rows.
-#}
{%- from 'product_numbers.mlir' import tables, numbers_of with context -%}
{%- from 'product_end.mlir' import finish with context -%}
{%- set float = form == 'float' -%}
{%- set cb = 16 * vectors -%}
{%- set ratio = width // cb -%}
{%- set cbs = panels * ratio -%}
{%- set per = 2 if dot else 1 -%}
{%- set kstep = 16 * per -%}
{%- set kfull = 'true' if k % kstep == 0 else 'false' -%}
{%- set f = 'vector<16xf32>' -%}
{%- set e = 'vector<%dx%s>' | format(kstep, element) -%}
{%- set tile = 'i32' if dot else 'f32' -%}
{%- set t = 'vector<16x%s>' | format(tile) -%}
{%- set units = step // per -%}
{%- set groups = k // group -%}
{%- set subs = (depth + inner - 1) // inner -%}
{%- set lines = (step_bytes + 63) // 64 -%}
{%- macro repeated(count, text) %}{% for i in range(count) %}{{ text }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro -%}
{%- macro numbered(count, prefix, suffix='') %}{% for i in range(count) %}{{ prefix }}{{ i }}{{ suffix }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro -%}
{%- macro constant(name, ordinal) %}
    %{{ name }}_i32 = hal.interface.constant.load layout(#layout) ordinal({{ ordinal }}) : i32
    %{{ name }} = arith.index_castui %{{ name }}_i32 : i32 to index
{%- endmacro -%}
{%- macro blocks_at(wide) %}
          // The panel of each block of columns, its first lane there, and its sums.
{%- for q in range(wide) %}
          %next{{ q }} = arith.constant {{ q }} : index
          %b{{ q }} = arith.addi %p, %next{{ q }} : index
          %block{{ q }} = arith.addi %block_first, %b{{ q }} : index
          %panel{{ q }} = arith.divui %block{{ q }}, %ratio : index
          %half{{ q }} = arith.remui %block{{ q }}, %ratio : index
          %first_lane{{ q }} = arith.muli %half{{ q }}, %cb : index
          %stacked{{ q }} = arith.muli %b{{ q }}, %stack_block : index
          %panel_in{{ q }} = arith.muli %panel{{ q }}, %panel_bytes : index
          %panel_at{{ q }} = arith.addi %block_at, %panel_in{{ q }} : index
          %ahead{{ q }} = arith.addi %panel_at{{ q }}, %distance : index
          %next_block{{ q }} = arith.addi %panel_at{{ q }}, %block_bytes : index
          %block_rows{{ q }} = arith.muli %b{{ q }}, %rows_each : index
{%- for j in range(vectors) %}
          %lane{{ q }}_{{ j }} = arith.addi %first_lane{{ q }}, %lane_of{{ j }} : index
          %pair{{ q }}_{{ j }} = arith.addi %lane{{ q }}_{{ j }}, %lane{{ q }}_{{ j }} : index
{%- endfor %}{% endfor %}
{%- endmacro -%}
{%- macro prefetch(wide) %}
            %line = arith.muli %i, %step_bytes : index
{%- for q in range(0, wide, ratio) %}
            %line_at{{ q }} = arith.addi %ahead{{ q }}, %line : index
{%- for l in range(lines) %}
            %o{{ q }}_{{ l }} = arith.constant {{ 64 * l }} : index
            %a{{ q }}_{{ l }} = arith.addi %line_at{{ q }}, %o{{ q }}_{{ l }} : index
            %i{{ q }}_{{ l }} = arith.index_cast %a{{ q }}_{{ l }} : index to i64
            %p{{ q }}_{{ l }} = llvm.inttoptr %i{{ q }}_{{ l }} : i64 to !llvm.ptr
            "llvm.intr.prefetch"(%p{{ q }}_{{ l }}) <{cache = 1 : i32, hint = 2 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
{%- endfor %}{% endfor %}
{%- endmacro -%}
{%- macro product(rows, first, wide, direct) %}{% set each = vectors * wide %}{% set us = units if direct else 1 %}
          // {{ rows }} rows of x times {{ wide }} blocks of columns, a group at a time.
          scf.for %sub = %c0 to %sub_count step %c1 {
            %sub_first = arith.muli %sub, %inner : index
            %sub_next = arith.addi %sub_first, %inner : index
            %sub_end = arith.minui %sub_next, %ulen : index
            %loop_first = arith.divui %sub_first, %{{ 'units' if direct else 'c1' }} : index
            %loop_end = arith.ceildivui %sub_end, %{{ 'units' if direct else 'c1' }} : index
          %product:{{ rows * each }} = scf.for %i = %loop_first to %loop_end step %c1 iter_args({% for q in range(rows * each) %}%s0_{{ q }} = %zero{{ ', ' if not loop.last }}{% endfor %}) -> ({{ repeated(rows * each, f) }}) {
{%- if direct %}
            %wi = arith.addi %i0, %i : index
            %ui = arith.muli %i, %units : index
{%- for j in range(each) %}
            {{- numbers_of('w%d_' | format(j), j // vectors, j % vectors, '%wi') }}
{%- endfor %}
{%- else %}
{%- for j in range(each) %}
            %si{{ j }} = arith.addi %stacked{{ j // vectors }}, %i : index
            %w{{ j }}_0 = vector.load %ws[%si{{ j }}, %lane_of{{ j % vectors }}] : !ws, {{ t }}
{%- endfor %}
{%- endif %}
{%- for u in range(us) %}
{%- if direct %}
            %uo{{ u }} = arith.constant {{ u }} : index
            %xu{{ u }} = arith.addi %ui, %uo{{ u }} : index
{%- endif %}
{%- if dot %}{% for j in range(each) %}
            %wb{{ j }}_{{ u }} = vector.bitcast %w{{ j }}_{{ u }} : {{ t }} to {{ e }}
{%- endfor %}{% endif %}
{%- for r in range(rows) %}
            %off{{ r }}_{{ u }} = arith.constant {{ r }} : index
            %at{{ r }}_{{ u }} = arith.addi {{ first }}, %off{{ r }}_{{ u }} : index
            %x{{ r }}_{{ u }} = memref.load %xs[%at{{ r }}_{{ u }}, {{ '%xu' ~ u if direct else '%i' }}] : !xs
            %xv{{ r }}_{{ u }} = vector.broadcast %x{{ r }}_{{ u }} : {{ tile }} to {{ t }}
{%- if dot %}
            %xb{{ r }}_{{ u }} = vector.bitcast %xv{{ r }}_{{ u }} : {{ t }} to {{ e }}
{%- endif %}
{%- for j in range(each) %}{% set q = r * each + j %}
{%- if dot %}
            %s{{ u + 1 }}_{{ q }} = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%s{{ u }}_{{ q }}, %xb{{ r }}_{{ u }}, %wb{{ j }}_{{ u }}) : ({{ f }}, {{ e }}, {{ e }}) -> {{ f }}
{%- else %}
            %s{{ u + 1 }}_{{ q }} = math.fma %xv{{ r }}_{{ u }}, %w{{ j }}_{{ u }}, %s{{ u }}_{{ q }} : {{ f }}
{%- endif %}
{%- endfor %}{% endfor %}{% endfor %}
{%- if direct %}
            {{- prefetch(wide) }}
{%- else %}
            // The integers of the next block come nearer.
            %unit_bytes = arith.constant {{ step_bytes // units }} : index
            %near_in = arith.muli %i, %unit_bytes : index
            %near = arith.addi %next_block0, %near_in : index
            %near_i = arith.index_cast %near : index to i64
            %near_p = llvm.inttoptr %near_i : i64 to !llvm.ptr
            "llvm.intr.prefetch"(%near_p) <{cache = 1 : i32, hint = 2 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
{%- endif %}
            scf.yield {% for q in range(rows * each) %}%s{{ us }}_{{ q }}{{ ', ' if not loop.last }}{% endfor %} : {{ repeated(rows * each, f) }}
          }
{%- if not float %}
            %k_sub = arith.muli %sub_first, %per : index
            %k_at = arith.addi %kb, %k_sub : index
            %g = arith.divui %k_at, %group : index
{%- for j in range(each) %}{% set q, l = j // vectors, j % vectors %}
            %sc{{ j }}_e = vector.load %scale[%panel{{ q }}, %g, %lane{{ q }}_{{ l }}] : !scale, vector<16x{{ scale_element }}>
{%- if scale_element != 'f32' %}
            %sc{{ j }} = arith.extf %sc{{ j }}_e : vector<16x{{ scale_element }}> to {{ f }}
{%- else %}
            %sc{{ j }} = arith.addf %sc{{ j }}_e, %zero : {{ f }}
{%- endif %}
{%- if zeros %}
            %ze{{ j }}_e = vector.load %zeros[%panel{{ q }}, %g, %lane{{ q }}_{{ l }}] : !zeros, vector<16xi8>
            %ze{{ j }}_i = arith.extsi %ze{{ j }}_e : vector<16xi8> to vector<16xi32>
            %ze{{ j }} = arith.sitofp %ze{{ j }}_i : vector<16xi32> to {{ f }}
{%- endif %}
{%- endfor %}
{%- endif %}
{%- for r in range(rows) %}
            %below{{ r }} = arith.constant {{ r }} : index
            %from{{ r }} = arith.addi {{ first }}, %below{{ r }} : index
            %row{{ r }} = arith.addi %m, %from{{ r }} : index
{%- if zeros %}
            %xsum{{ r }} = memref.load %xsums[%from{{ r }}, %sub] : !xsums
            %xall{{ r }} = vector.broadcast %xsum{{ r }} : f32 to {{ f }}
{%- endif %}
{%- for j in range(each) %}{% set q = r * each + j %}
            %sr{{ q }} = arith.addi %block_rows{{ j // vectors }}, %row{{ r }} : index
            %sv{{ q }} = arith.muli %sr{{ q }}, %vectors : index
            %si{{ q }} = arith.addi %sv{{ q }}, %vector_of{{ j % vectors }} : index
            %sa{{ q }} = arith.addi %own_sums, %si{{ q }} : index
            %old{{ q }} = vector.load %sums[%sa{{ q }}, %c0] : !sums, {{ f }}
{%- if float %}
            %new{{ q }} = arith.addf %old{{ q }}, %product#{{ q }} : {{ f }}
{%- else %}
{%- if zeros %}
            %shift{{ q }} = arith.mulf %ze{{ j }}, %xall{{ r }} : {{ f }}
            %centred{{ q }} = arith.subf %product#{{ q }}, %shift{{ q }} : {{ f }}
            %new{{ q }} = math.fma %sc{{ j }}, %centred{{ q }}, %old{{ q }} : {{ f }}
{%- else %}
            %new{{ q }} = math.fma %sc{{ j }}, %product#{{ q }}, %old{{ q }} : {{ f }}
{%- endif %}
{%- endif %}
            vector.store %new{{ q }}, %sums[%sa{{ q }}, %c0] : !sums, {{ f }}
{%- endfor %}{% endfor %}
          }
{%- endmacro -%}
{%- macro copy_rows() %}
        // A copy of a block of x: its rows are far apart in memory, and would evict each other.
        %mrest = arith.subi %mlen, %m : index
        %mcount = arith.minui %mrest, %rmax : index
        scf.for %r = %c0 to %mcount step %c1 {
          %rm = arith.addi %m, %r : index
          %row = arith.addi %m0, %rm : index
          scf.for %i = %c0 to %ulen step %c16 {
            %ip = arith.muli %i, %per : index
            %ik = arith.addi %kb, %ip : index
            %xr = vector.transfer_read %xt[%row, %ik], %zeroe {in_bounds = [{{ kfull }}]} : !x, {{ e }}
{%- if dot %}
            %xw = vector.bitcast %xr : {{ e }} to {{ t }}
            vector.store %xw, %xs[%r, %i] : !xs, {{ t }}
{%- elif element != 'f32' %}
            %xw = arith.extf %xr : {{ e }} to {{ t }}
            vector.store %xw, %xs[%r, %i] : !xs, {{ t }}
{%- else %}
            vector.store %xr, %xs[%r, %i] : !xs, {{ t }}
{%- endif %}
          }
{%- if zeros %}
          // The sum of each group of a row, which is multiplied by what stands for 0.
          scf.for %sub = %c0 to %sub_count step %c1 {
            %sub_first = arith.muli %sub, %inner : index
            %sub_next = arith.addi %sub_first, %inner : index
            %sub_end = arith.minui %sub_next, %ulen : index
            %all = scf.for %i = %sub_first to %sub_end step %c16 iter_args(%a = %zero) -> ({{ f }}) {
              %xl = vector.load %xs[%r, %i] : !xs, {{ t }}
{%- if dot %}
              %xlb = vector.bitcast %xl : {{ t }} to {{ e }}
              %one = arith.constant dense<1.0> : {{ e }}
              %an = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%a, %xlb, %one) : ({{ f }}, {{ e }}, {{ e }}) -> {{ f }}
{%- else %}
              %an = arith.addf %a, %xl : {{ f }}
{%- endif %}
              scf.yield %an : {{ f }}
            }
            %sum = vector.reduction <add>, %all fastmath<reassoc> : {{ f }} into f32
            memref.store %sum, %xsums[%r, %sub] : !xsums
          }
{%- endif %}
        }
{%- endmacro -%}
{%- macro stack_numbers() %}
      // The numbers of a block of each of these columns, once for all rows.
      scf.for %p = %c0 to %stacked_blocks step %c1 {
        {{- blocks_at(1) }}
        scf.for %i = %c0 to %slen step %c1 {
          %wi = arith.addi %i0, %i : index
          %ui = arith.muli %i, %units : index
          %us = arith.addi %stacked0, %ui : index
{%- for j in range(vectors) %}
          {{- numbers_of('w%d_' | format(j), 0, j, '%wi') }}
{%- for u in range(units) %}
          %uo{{ j }}_{{ u }} = arith.constant {{ u }} : index
          %ua{{ j }}_{{ u }} = arith.addi %us, %uo{{ j }}_{{ u }} : index
          vector.store %w{{ j }}_{{ u }}, %ws[%ua{{ j }}_{{ u }}, %lane_of{{ j }}] : !ws, {{ t }}
{%- endfor %}{% endfor %}
        }
      }
{%- endmacro -%}
{%- set operands = ['x', 'w'] + (['scale'] if not float else []) + (['zeros'] if zeros else []) + (['bias'] if bias else []) + (['residual'] if residual else []) -%}
{%- macro binding(name) %}binding({{ operands.index(name) }}){% endmacro -%}
{%- set types = {
  'x': '?x%dx%s' | format(k, element),
  'w': '%sx%s' | format(w_shape, w_element),
  'scale': '%dx%dx%dx%s' | format(panels, groups, width, scale_element),
  'zeros': '%dx%dx%dxi8' | format(panels, groups, width),
  'bias': '%dx%s' | format(bias_size, bias_element),
  'residual': '?x%dx%s' | format(n, residual_element),
  'y': '?x%dx%s' | format(n, element),
  'sums': '?x16xf32'} -%}
{%- for name, type in types.items() %}
!{{ name }} = memref<{{ type }}>
!{{ name }}t = tensor<{{ type }}>
{%- endfor %}
!xs = memref<{{ rows_max }}x{{ depth // per + 16 }}x{{ tile }}>
!ws = memref<{{ stacked_panels * ratio * depth // per }}x{{ cb }}x{{ tile }}>
!xsums = memref<{{ rows_max }}x{{ subs }}xf32>
#layout = #hal.pipeline.layout<constants = 5, bindings = [
{%- for name in operands %} #hal.pipeline.binding<storage_buffer, ReadOnly>,{% endfor %}
  #hal.pipeline.binding<storage_buffer>, #hal.pipeline.binding<storage_buffer>]>

hal.executable.source private @product_loops {
  hal.executable.export public @product_loops ordinal(0) layout(#layout) count(%device: !hal.device, %workers: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    hal.return %workers, %one, %one : index, index, index
  }
  builtin.module {
{{ functions }}
  func.func @product_loops() {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %per = arith.constant {{ per }} : index
    %units = arith.constant {{ units }} : index
    %inner = arith.constant {{ inner // per }} : index
    %group = arith.constant {{ group }} : index
    %step = arith.constant {{ step }} : index
    %zerof = arith.constant 0.0 : f32
    %zeroe = arith.constant 0.0 : {{ element }}
    %zero = arith.constant dense<0.0> : {{ f }}
    %blocks = arith.constant {{ cbs }} : index
    %cb = arith.constant {{ cb }} : index
    %ratio = arith.constant {{ ratio }} : index
    %vectors = arith.constant {{ vectors }} : index
    %k = arith.constant {{ k }} : index
    %kc = arith.constant {{ depth }} : index
    %rmax = arith.constant {{ rows_max }} : index
    %mblock = arith.constant {{ row_block }} : index
    %stack_block = arith.constant {{ depth // per }} : index
    %step_bytes = arith.constant {{ step_bytes }} : index
    %panel_bytes = arith.constant {{ panel_steps * step_bytes }} : index
    %block_bytes = arith.constant {{ depth // step * step_bytes }} : index
    %distance = arith.constant {{ distance }} : index
{%- for j in range(vectors) %}
    %vector_of{{ j }} = arith.constant {{ j }} : index
    %lane_of{{ j }} = arith.constant {{ 16 * j }} : index
{%- endfor %}
    {{- tables() }}
    {{- constant('ma', 0) }}
    {{- constant('rows_each', 1) }}
    {{- constant('np', 2) }}
    {{- constant('parts', 3) }}
    {{- constant('sums_count', 4) }}
    %worker = hal.interface.workgroup.id[0] : index
    %workers = hal.interface.workgroup.count[0] : index
    %xt = hal.interface.binding.subspan layout(#layout) {{ binding('x') }} offset(%c0) : !x{ %ma }
    %wt = hal.interface.binding.subspan layout(#layout) {{ binding('w') }} offset(%c0) : !w
    %w_base = memref.extract_aligned_pointer_as_index %wt : !w -> index
{%- for name in operands[2:] %}
    %{{ name }} = hal.interface.binding.subspan layout(#layout) {{ binding(name) }} offset(%c0) : !{{ name }}{{ '{ %ma }' if name == 'residual' }}
{%- endfor %}
    %y = hal.interface.binding.subspan layout(#layout) binding({{ operands | length }}) offset(%c0) : !y{ %ma }
    %sums = hal.interface.binding.subspan layout(#layout) binding({{ operands | length + 1 }}) offset(%c0) : !sums{ %sums_count }
    %xs = "memref.alloca"() <{alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>}> : () -> !xs
{%- if not float %}
    %ws = "memref.alloca"() <{alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>}> : () -> !ws
{%- endif %}
{%- if zeros %}
    %xsums = "memref.alloca"() <{alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>}> : () -> !xsums
{%- endif %}
    %across = arith.ceildivui %blocks, %np : index
    %own_vectors = arith.muli %np, %vectors : index
    %own_count = arith.muli %own_vectors, %rows_each : index
    %own_sums = arith.muli %worker, %own_count : index
    %next_worker = arith.addi %worker, %c1 : index
    %first_of = arith.muli %worker, %parts : index
    %end_of = arith.muli %next_worker, %parts : index
    %first_part = arith.divui %first_of, %workers : index
    %end_part = arith.divui %end_of, %workers : index
    scf.for %part = %first_part to %end_part step %c1 {
      %across_at = arith.remui %part, %across : index
      %mb = arith.divui %part, %across : index
      %m0 = arith.muli %mb, %mblock : index
      %mleft = arith.subi %ma, %m0 : index
      %mlen = arith.minui %mleft, %mblock : index
      %block_first = arith.muli %across_at, %np : index
      %bleft = arith.subi %blocks, %block_first : index
      %bcount = arith.minui %bleft, %np : index
      %own_end = arith.addi %own_sums, %own_count : index
      scf.for %s = %own_sums to %own_end step %c1 {
        vector.store %zero, %sums[%s, %c0] : !sums, {{ f }}
      }
{%- for r in streams %}
      %only{{ r }} = arith.constant {{ r }} : index
      %are{{ r }} = arith.cmpi eq, %mlen, %only{{ r }} : index
      %wide{{ r }} = arith.constant {{ streams[r] }} : index
      %most{{ r }} = arith.remui %bcount, %wide{{ r }} : index
      %whole{{ r }} = arith.subi %bcount, %most{{ r }} : index
      %end{{ r }} = arith.select %are{{ r }}, %whole{{ r }}, %c0 : index
      %last{{ r }} = arith.select %are{{ r }}, %bcount, %c0 : index
      %done{{ r }} = arith.addi {{ '%c0' if loop.first else '%done' ~ loop.previtem }}, %last{{ r }} : index
{%- endfor %}
      %stacked_blocks = arith.subi %bcount, {{ '%done' ~ (streams | list)[-1] if streams else '%c0' }} : index
      scf.for %kb = %c0 to %k step %kc {
        %kleft = arith.subi %k, %kb : index
        %klen = arith.minui %kleft, %kc : index
        %slen = arith.ceildivui %klen, %step : index
        %ulen = arith.muli %slen, %units : index
        %i0 = arith.divui %kb, %step : index
        %sub_count = arith.ceildivui %ulen, %inner : index
        %block_in = arith.muli %i0, %step_bytes : index
        %block_at = arith.addi %w_base, %block_in : index
{%- if not float %}
        {{- stack_numbers() }}
{%- endif %}
        scf.for %m = %c0 to %mlen step %rmax {
          {{- copy_rows() }}
{%- for r in streams %}
          scf.for %p = %c0 to %end{{ r }} step %wide{{ r }} {
            {{- blocks_at(streams[r]) }}
            {{- product(r, '%c0', streams[r], true) }}
          }
          scf.for %p = %end{{ r }} to %last{{ r }} step %c1 {
            {{- blocks_at(1) }}
            {{- product(r, '%c0', 1, true) }}
          }
{%- endfor %}
          %is_full = arith.cmpi eq, %mcount, %rmax : index
          scf.for %p = %c0 to %stacked_blocks step %c1 {
            {{- blocks_at(1) }}
            scf.if %is_full {
              {{- product(rows_max, '%c0', 1, float) }}
            } else {
              %first{{ 2 * tails[0] }} = arith.constant 0 : index
{%- for r in tails %}
              %bit{{ r }} = arith.constant {{ r }} : index
              %and{{ r }} = arith.andi %mcount, %bit{{ r }} : index
              %has{{ r }} = arith.cmpi ne, %and{{ r }}, %c0 : index
              scf.if %has{{ r }} {
                {{- product(r, '%first' ~ (2 * r), 1, float) }}
              }
              %first{{ r }} = arith.addi %first{{ 2 * r }}, %and{{ r }} : index
{%- endfor %}
            }
          }
        }
      }
      {{- finish() }}
    }
    return
  }
  }
}

util.func private @product({% for name in operands %}%{{ name }}: !{{ name }}t{{ ', ' if not loop.last }}{% endfor %}) -> !yt {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %rows = tensor.dim %x, %c0 : !xt
  %mblock = arith.constant {{ row_block }} : index
  %down = arith.ceildivui %rows, %mblock : index
  %rows_each = arith.minui %rows, %mblock : index
  %np_few = arith.constant {{ blocks_few }} : index
  %np_many = arith.constant {{ blocks_many }} : index
  %most_few = arith.constant {{ few_rows }} : index
  %is_few = arith.cmpi ule, %rows, %most_few : index
  %np = arith.select %is_few, %np_few, %np_many : index
  %blocks = arith.constant {{ cbs }} : index
  %across = arith.ceildivui %blocks, %np : index
  %parts = arith.muli %across, %down : index
  %most = arith.constant {{ workers }} : index
  %shared = arith.minui %parts, %most : index
  %workers = arith.select %is_few, %parts, %shared : index
  %vectors = arith.constant {{ vectors }} : index
  %own_vectors = arith.muli %np, %vectors : index
  %own_count = arith.muli %own_vectors, %rows_each : index
  %sums_count = arith.muli %own_count, %workers : index
{%- set numbers = ('rows', 'rows_each', 'np', 'parts', 'sums_count') %}
{%- for name in numbers %}
  %{{ name }}_i32 = arith.index_castui %{{ name }} : index to i32
{%- endfor %}
  %y:2 = flow.dispatch @product_loops::@product_loops[%workers]({% for name in numbers %}%{{ name }}_i32, {% endfor %}{% for name in operands %}%{{ name }}{{ ', ' if not loop.last }}{% endfor %}) : ({% for name in numbers %}i32, {% endfor %}{% for name in operands %}!{{ name }}t{{ '{ %rows }' if name in ('x', 'residual') }}{{ ', ' if not loop.last }}{% endfor %}) -> (!yt{ %rows }, !sumst{ %sums_count })
  util.return %y#0 : !yt
}
