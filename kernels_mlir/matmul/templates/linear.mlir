{#- y = x w^T + b in float32, written for CPUs; a Jinja template, because the tiles are unrolled.

A workgroup takes up to `row_block` rows of x and some panels of `vectors` vectors of columns. It
goes along the rows in blocks of `depth`. For each block it copies `rows_max` rows to the stack, and
adds their products with each panel to the sums in the result. The sums of `rows_max` rows and
`vectors` vectors stay in registers; fewer rows than `rows_max` use tiles of `tails` rows in turn.
`streams` gives the number of panels that so few rows read at once. Each sum starts at the bias and
is made in the same order, whatever the tile is.

`packed`: w is [panel, step, column]; else it is [column, k], and blocks of it are transposed to the
stack. `dot`: an instruction that multiplies pairs of bf16 and adds both products (`vdpbf16ps` or
`bfdot`), or empty.
-#}
{%- set n0 = lanes * vectors -%}
{%- set panels = (n + n0 - 1) // n0 -%}
{%- set nfull = 'true' if n % n0 == 0 else 'false' -%}
{%- set kstep = 32 if dot else 16 -%}
{%- set kfull = 'true' if k % kstep == 0 else 'false' -%}
{%- set f = 'vector<16xf32>' -%}
{%- set e = 'vector<%dx%s>' | format(kstep, element) -%}
{%- set per = 2 if dot else 1 -%}
{%- set tile = 'i32' if dot else 'f32' -%}
{%- set t = 'vector<16x%s>' | format(tile) -%}
{%- set step_bytes = n0 * per * (4 if element == 'f32' else 2) -%}
{%- set lines = (step_bytes + 63) // 64 -%}
{%- macro repeated(count, text) %}{% for i in range(count) %}{{ text }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro -%}
{%- macro numbered(count, prefix, suffix='') %}{% for i in range(count) %}{{ prefix }}{{ i }}{{ suffix }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro -%}
{%- macro prefetch(name, address, offset) %}
            %{{ name }}_o = arith.constant {{ offset }} : index
            %{{ name }}_a = arith.addi {{ address }}, %{{ name }}_o : index
            %{{ name }}_i = arith.index_cast %{{ name }}_a : index to i64
            %{{ name }}_p = llvm.inttoptr %{{ name }}_i : i64 to !llvm.ptr
            "llvm.intr.prefetch"(%{{ name }}_p) <{cache = 1 : i32, hint = 2 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
{%- endmacro -%}
{%- macro panels_at(wide) %}
{%- for q in range(wide) %}
          %next{{ q }} = arith.constant {{ q }} : index
          %p{{ q }} = arith.addi %p, %next{{ q }} : index
          %in_panels{{ q }} = arith.muli %p{{ q }}, %width : index
          %panel{{ q }} = arith.addi %group_panel, %p{{ q }} : index
{%- if packed %}
          %panel_in{{ q }} = arith.muli %panel{{ q }}, %panel_bytes : index
          %panel_at{{ q }} = arith.addi %block_at, %panel_in{{ q }} : index
          %ahead{{ q }} = arith.addi %panel_at{{ q }}, %distance : index
{%- else %}
          %block{{ q }} = arith.muli %p{{ q }}, %iblock : index
{%- endif %}
{%- for lane in range(vectors) %}{% set j = q * vectors + lane %}
          %bc{{ j }} = arith.addi %in_panels{{ q }}, %lane{{ lane }} : index
          %bi{{ j }} = arith.addi %column0, %bc{{ j }} : index
{%- if bias %}
          %br{{ j }} = vector.transfer_read %bt[%bi{{ j }}], %zeroe {in_bounds = [{{ nfull }}]} : !b, vector<16x{{ element }}>
          %bias{{ j }} = arith.{{ 'extf %br' ~ j ~ ' : vector<16x' ~ element ~ '> to ' ~ f if element != 'f32' else 'addf %br' ~ j ~ ', %zero : ' ~ f }}
{%- else %}
          %bias{{ j }} = arith.constant dense<0.0> : {{ f }}
{%- endif %}
{%- endfor %}{% endfor %}
{%- endmacro -%}
{%- macro written(q, r, j) %}
            vector.transfer_write %new{{ q }}, %yt[%row{{ r }}, %bi{{ j }}] {in_bounds = [{{ nfull }}]} : {{ f }}, !y
{%- endmacro -%}
{%- macro product(rows, first, wide) %}{% set each = vectors * wide %}
          // {{ rows }} rows of x times {{ wide }} panels of the weight, added to the sums so far.
          %product{{ rows }}:{{ rows * each }} = scf.for %i = %c0 to %ilen step %c1 iter_args({{ numbered(rows * each, '%a', ' = %zero') }}) -> ({{ repeated(rows * each, f) }}) {
{%- if packed %}
            %wi = arith.addi %i0, %i : index
{%- else %}
            %wi = arith.addi %block0, %i : index
{%- endif %}
{%- for j in range(each) %}{% set lane = j % vectors %}
{%- set at = '%%wt[%%panel%d, %%wi, %%%s%d], %%zeroe {in_bounds = [true]} : !w, %s' | format(j // vectors, 'pair' if dot else 'lane', lane, e) %}
{%- if not packed %}
            %w{{ j }} = vector.load %ws[%wi, %lane{{ lane }}] : !ws, {{ t }}
{%- elif dot %}
            %wp{{ j }} = vector.transfer_read {{ at }}
            %w{{ j }} = vector.bitcast %wp{{ j }} : {{ e }} to {{ t }}
{%- elif element != 'f32' %}
            %wp{{ j }} = vector.transfer_read {{ at }}
            %w{{ j }} = arith.extf %wp{{ j }} : {{ e }} to {{ t }}
{%- else %}
            %w{{ j }} = vector.transfer_read {{ at }}
{%- endif %}
{%- if dot %}
            %wb{{ j }} = vector.bitcast %w{{ j }} : {{ t }} to {{ e }}
{%- endif %}
{%- endfor %}
{%- for r in range(rows) %}
            %off{{ r }} = arith.constant {{ r }} : index
            %at{{ r }} = arith.addi {{ first }}, %off{{ r }} : index
            %x{{ r }} = memref.load %xs[%at{{ r }}, %i] : !xs
            %v{{ r }} = vector.broadcast %x{{ r }} : {{ tile }} to {{ t }}
{%- if dot %}
            %vb{{ r }} = vector.bitcast %v{{ r }} : {{ t }} to {{ e }}
{%- endif %}
{%- for j in range(each) %}{% set q = r * each + j %}
{%- if dot == 'vdpbf16ps' %}
            %n{{ q }} = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%a{{ q }}, %vb{{ r }}, %wb{{ j }}) : ({{ f }}, {{ e }}, {{ e }}) -> {{ f }}
{%- elif dot == 'bfdot' %}
{%- for h in range(4) %}{% set sums = '%%n%d_%d' | format(q, h - 1) if h else '%%a%d' | format(q) %}
            %va{{ q }}_{{ h }} = "vector.extract_strided_slice"(%a{{ q }}) <{offsets = [{{ 4 * h }}], sizes = [4], strides = [1]}> : ({{ f }}) -> vector<4xf32>
            %vx{{ q }}_{{ h }} = "vector.extract_strided_slice"(%vb{{ r }}) <{offsets = [{{ 8 * h }}], sizes = [8], strides = [1]}> : ({{ e }}) -> vector<8xbf16>
            %vw{{ q }}_{{ h }} = "vector.extract_strided_slice"(%wb{{ j }}) <{offsets = [{{ 8 * h }}], sizes = [8], strides = [1]}> : ({{ e }}) -> vector<8xbf16>
            %vn{{ q }}_{{ h }} = llvm.call_intrinsic "llvm.aarch64.neon.bfdot.v4f32.v8bf16"(%va{{ q }}_{{ h }}, %vx{{ q }}_{{ h }}, %vw{{ q }}_{{ h }}) : (vector<4xf32>, vector<8xbf16>, vector<8xbf16>) -> vector<4xf32>
            %n{{ q }}{{ '_%d' | format(h) if h < 3 }} = "vector.insert_strided_slice"(%vn{{ q }}_{{ h }}, {{ sums }}) <{offsets = [{{ 4 * h }}], strides = [1]}> : (vector<4xf32>, {{ f }}) -> {{ f }}
{%- endfor %}
{%- else %}
            %n{{ q }} = math.fma %v{{ r }}, %w{{ j }}, %a{{ q }} : {{ f }}
{%- endif %}
{%- endfor %}{% endfor %}
{%- if packed %}
            %line = arith.muli %i, %step_bytes : index
{%- for p in range(wide) %}
            %line_at{{ p }} = arith.addi %ahead{{ p }}, %line : index
{%- for q in range(lines) %}
            {{- prefetch('line' ~ p ~ '_' ~ q, '%line_at' ~ p, 64 * q) }}
{%- endfor %}{% endfor %}
{%- endif %}
            scf.yield {{ numbered(rows * each, '%n') }} : {{ repeated(rows * each, f) }}
          }
{%- for r in range(rows) %}
          %below{{ r }} = arith.constant {{ r }} : index
          %from{{ r }} = arith.addi {{ first }}, %below{{ r }} : index
          %row{{ r }} = arith.addi %mfirst, %from{{ r }} : index
{%- endfor %}
          // All sums so far are read before any is written: rows may be a multiple of 4096 bytes apart,
          // and Intel's CPUs take a read for one of what was just written if the last 12 bits are equal.
          scf.if %is_first {
{%- for r in range(rows) %}{% for j in range(each) %}{% set q = r * each + j %}
            %new{{ q }} = arith.addf %bias{{ j }}, %product{{ rows }}#{{ q }} : {{ f }}
            {{- written(q, r, j) }}
{%- endfor %}{% endfor %}
          } else {
{%- for r in range(rows) %}{% for j in range(each) %}{% set q = r * each + j %}
            %old{{ q }} = vector.transfer_read %yt[%row{{ r }}, %bi{{ j }}], %zerof {in_bounds = [{{ nfull }}]} : !y, {{ f }}
            %new{{ q }} = arith.addf %old{{ q }}, %product{{ rows }}#{{ q }} : {{ f }}
{%- endfor %}{% endfor %}
{%- for r in range(rows) %}{% for j in range(each) %}
            {{- written(r * each + j, r, j) }}
{%- endfor %}{% endfor %}
          }
{%- endmacro -%}
{%- macro copy_rows() %}
        // A copy of a block of x: its rows are far apart in memory, and would evict each other.
        %mrest = arith.subi %mlen, %m : index
        %mcount = arith.minsi %mrest, %rmax : index
        %mfirst = arith.addi %m0, %m : index
        scf.for %r = %c0 to %mcount step %c1 {
          %row = arith.addi %mfirst, %r : index
          scf.for %i = %c0 to %ilen step %c16 {
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
        }
        %is_full = arith.cmpi eq, %mcount, %rmax : index
{%- endmacro -%}
{%- macro copy_panels() %}
        // A block of each panel of the weight, transposed: columns become lanes.
      scf.for %p = %c0 to %pcount step %c1 {
        %column = arith.muli %p, %width : index
        %block = arith.muli %p, %iblock : index
        %wfirst = arith.addi %column0, %column : index
        scf.for %i = %c0 to %ilen step %c16 {
          %ip = arith.muli %i, %per : index
          %ik = arith.addi %kb, %ip : index
          %in_row = arith.muli %ik, %element_bytes : index
          %row_ahead = arith.addi %w_base, %in_row : index
{%- for j in range(vectors) %}
          %wrow{{ j }} = arith.addi %wfirst, %lane{{ j }} : index
{%- for q in range(16) %}
          %wn{{ j }}_{{ q }} = arith.constant {{ q }} : index
          %wm{{ j }}_{{ q }} = arith.addi %wrow{{ j }}, %wn{{ j }}_{{ q }} : index
          %wg{{ j }}_{{ q }} = arith.muli %wm{{ j }}_{{ q }}, %row_bytes : index
          %wh{{ j }}_{{ q }} = arith.addi %wg{{ j }}_{{ q }}, %row_ahead : index
          {{- prefetch('wf%d_%d' | format(j, q), '%%wh%d_%d' | format(j, q), distance_lying) }}
{%- endfor %}
          %wr{{ j }} = vector.transfer_read %wt[%wrow{{ j }}, %ik], %zeroe {in_bounds = [{{ nfull }}, {{ kfull }}]} : !w, vector<16x{{ kstep }}x{{ element }}>
{%- if dot %}
          %ww{{ j }} = vector.bitcast %wr{{ j }} : vector<16x32xbf16> to vector<16x16xi32>
{%- elif element != 'f32' %}
          %ww{{ j }} = arith.extf %wr{{ j }} : vector<16x16x{{ element }}> to vector<16x16xf32>
{%- endif %}
          %wc{{ j }} = vector.transpose %w{{ 'r' if element == 'f32' else 'w' }}{{ j }}, [1, 0] : vector<16x16x{{ tile }}> to vector<16x16x{{ tile }}>
{%- for q in range(16) %}
          %wi{{ j }}_{{ q }} = arith.constant {{ q }} : index
          %wb{{ j }}_{{ q }} = arith.addi %block, %wi{{ j }}_{{ q }} : index
          %wk{{ j }}_{{ q }} = arith.addi %i, %wb{{ j }}_{{ q }} : index
          %wv{{ j }}_{{ q }} = vector.extract %wc{{ j }}[{{ q }}] : {{ t }} from vector<16x16x{{ tile }}>
          vector.store %wv{{ j }}_{{ q }}, %ws[%wk{{ j }}_{{ q }}, %lane{{ j }}] : !ws, {{ t }}
{%- endfor %}{% endfor %}
        }
      }
{%- endmacro -%}
!x = memref<?x{{ k }}x{{ element }}>
!xt = tensor<?x{{ k }}x{{ element }}>
{%- set w_shape = '%dx%dx%d' | format(panels, (k + per - 1) // per, n0 * per) if packed else '%dx%d' | format(n, k) %}
!w = memref<{{ w_shape }}x{{ element }}>
!wt = tensor<{{ w_shape }}x{{ element }}>
!b = memref<{{ n }}x{{ element }}>
!bt = tensor<{{ n }}x{{ element }}>
!y = memref<?x{{ n }}xf32>
!yt = tensor<?x{{ n }}xf32>
!xs = memref<{{ rows_max }}x{{ depth // per + lanes }}x{{ tile }}>
!ws = memref<{{ panels_many * depth // per }}x{{ n0 }}x{{ tile }}>
#layout = #hal.pipeline.layout<constants = 2, bindings = [
  #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>,
{%- if bias %} #hal.pipeline.binding<storage_buffer, ReadOnly>,{% endif %}
  #hal.pipeline.binding<storage_buffer>]>

hal.executable.source private @linear_vectors {
  hal.executable.export public @linear_vectors ordinal(0) layout(#layout) count(%device: !hal.device, %gx: index, %gy: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    hal.return %gx, %gy, %one : index, index, index
  }
  builtin.module {
  func.func @linear_vectors() {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %per = arith.constant {{ per }} : index
    %iblock = arith.constant {{ depth // per }} : index
    %zerof = arith.constant 0.0 : f32
    %zeroe = arith.constant 0.0 : {{ element }}
    %zero = arith.constant dense<0.0> : {{ f }}
    %panels = arith.constant {{ panels }} : index
    %width = arith.constant {{ n0 }} : index
    %k = arith.constant {{ k }} : index
    %kc = arith.constant {{ depth }} : index
    %rmax = arith.constant {{ rows_max }} : index
    %mblock = arith.constant {{ row_block }} : index
    %ma_i32 = hal.interface.constant.load layout(#layout) ordinal(0) : i32
    %ma = arith.index_castui %ma_i32 : i32 to index
    %np_i32 = hal.interface.constant.load layout(#layout) ordinal(1) : i32
    %np = arith.index_castui %np_i32 : i32 to index
    %group = hal.interface.workgroup.id[0] : index
    %mb = hal.interface.workgroup.id[1] : index
{%- for j in range(vectors) %}
    %lane{{ j }} = arith.constant {{ 16 * j }} : index
    %pair{{ j }} = arith.constant {{ 32 * j }} : index
{%- endfor %}
    %xt = hal.interface.binding.subspan layout(#layout) binding(0) offset(%c0) : !x{ %ma }
    %wt = hal.interface.binding.subspan layout(#layout) binding(1) offset(%c0) : !w
    %w_base = memref.extract_aligned_pointer_as_index %wt : !w -> index
{%- if packed %}
    %step_bytes = arith.constant {{ step_bytes }} : index
    %panel_bytes = arith.constant {{ (k + per - 1) // per * step_bytes }} : index
    %distance = arith.constant {{ distance }} : index
{%- else %}
    %element_bytes = arith.constant {{ 4 if element == 'f32' else 2 }} : index
    %row_bytes = arith.constant {{ k * (4 if element == 'f32' else 2) }} : index
    %ws = "memref.alloca"() <{alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>}> : () -> !ws
{%- endif %}
{%- if bias %}
    %bt = hal.interface.binding.subspan layout(#layout) binding(2) offset(%c0) : !b
{%- endif %}
    %yt = hal.interface.binding.subspan layout(#layout) binding({{ 3 if bias else 2 }}) offset(%c0) : !y{ %ma }
    %xs = "memref.alloca"() <{alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>}> : () -> !xs
    %m0 = arith.muli %mb, %mblock : index
    %mleft = arith.subi %ma, %m0 : index
    %mlen = arith.minsi %mleft, %mblock : index
    %group_panel = arith.muli %group, %np : index
    %pleft = arith.subi %panels, %group_panel : index
    %pcount = arith.minsi %pleft, %np : index
    %column0 = arith.muli %group_panel, %width : index
    scf.for %kb = %c0 to %k step %kc {
      %kleft = arith.subi %k, %kb : index
      %klen = arith.minsi %kleft, %kc : index
      %ilen = arith.ceildivui %klen, %per : index
      %i0 = arith.divui %kb, %per : index
      %is_first = arith.cmpi eq, %kb, %c0 : index
{%- if packed %}
      %block_in = arith.muli %i0, %step_bytes : index
      %block_at = arith.addi %w_base, %block_in : index
{%- else %}
      {{- copy_panels() }}
{%- endif %}
      scf.for %m = %c0 to %mlen step %rmax {
        {{- copy_rows() }}
{%- if packed %}
        // So few rows take several panels at once: memory is faster in several streams.
{%- for r in streams %}
        %only{{ r }} = arith.constant {{ r }} : index
        %are{{ r }} = arith.cmpi eq, %mcount, %only{{ r }} : index
        %wide{{ r }} = arith.constant {{ streams[r] }} : index
        %most{{ r }} = arith.remui %pcount, %wide{{ r }} : index
        %whole{{ r }} = arith.subi %pcount, %most{{ r }} : index
        %end{{ r }} = arith.select %are{{ r }}, %whole{{ r }}, %c0 : index
        scf.for %p = %c0 to %end{{ r }} step %wide{{ r }} {
          {{- panels_at(streams[r]) }}
          {{- product(r, '%c0', streams[r]) }}
        }
{%- set before = '%c0' if loop.first else '%done' ~ loop.previtem %}
        %done{{ r }} = arith.addi {{ before }}, %end{{ r }} : index
{%- endfor %}
{%- endif %}
        scf.for %p = {{ '%done' ~ (streams | list)[-1] if packed and streams else '%c0' }} to %pcount step %c1 {
          {{- panels_at(1) }}
          scf.if %is_full {
            {{- product(rows_max, '%c0', 1) }}
          } else {
            %first{{ 2 * tails[0] }} = arith.constant 0 : index
{%- for r in tails %}
            %bit{{ r }} = arith.constant {{ r }} : index
            %and{{ r }} = arith.andi %mcount, %bit{{ r }} : index
            %has{{ r }} = arith.cmpi ne, %and{{ r }}, %c0 : index
            scf.if %has{{ r }} {
              {{- product(r, '%first' ~ (2 * r), 1) }}
            }
            %first{{ r }} = arith.addi %first{{ 2 * r }}, %and{{ r }} : index
{%- endfor %}
          }
        }
      }
    }
    return
  }
  }
}

util.func private @linear(%x: !xt, %w: !wt{{ ', %b: !bt' if bias }}) -> !yt {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : !xt
  %mblock = arith.constant {{ row_block }} : index
  %mblocks = arith.ceildivui %rows, %mblock : index
  %few = arith.constant {{ few_rows }} : index
  %is_few = arith.cmpi ule, %rows, %few : index
  %np_few = arith.constant {{ panels_few }} : index
  %np_many = arith.constant {{ panels_many }} : index
  %np = arith.select %is_few, %np_few, %np_many : index
  %panels = arith.constant {{ panels }} : index
  %groups = arith.ceildivui %panels, %np : index
  %rows_i32 = arith.index_castui %rows : index to i32
  %np_i32 = arith.index_castui %np : index to i32
  %y = flow.dispatch @linear_vectors::@linear_vectors[%groups, %mblocks](%rows_i32, %np_i32, %x, %w{{ ', %b' if bias }}) : (i32, i32, !xt{ %rows }, !wt{{ ', !bt' if bias }}) -> !yt{ %rows }
  util.return %y : !yt
}
