{#- y = x w^T + b in float32, written for CPUs; a Jinja template, because the tiles are unrolled.

A workgroup takes up to `row_block` rows of x and some panels of `vectors` vectors of columns. It
goes along the rows in blocks of `depth`. For each block it copies `rows_max` rows to the stack, and
adds their products with each panel to the sums in the result. The sums of `rows_max` rows and
`vectors` vectors stay in registers; fewer rows than `rows_max` use tiles of `tails` rows in turn.
Each sum starts at the bias and is made in the same order, whatever the tile is.

`packed`: w is [panel, step, column]; else it is [column, k], and blocks of it are transposed to the
stack. `dot`: a step multiplies pairs of bf16 and adds both products (vdpbf16ps).
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
{%- set line = 'tensor<?x?xf32>' -%}
{%- macro repeated(count, text) %}{% for i in range(count) %}{{ text }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro -%}
{%- macro numbered(count, prefix, suffix='') %}{% for i in range(count) %}{{ prefix }}{{ i }}{{ suffix }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro -%}
{%- macro product(rows, first, before, after) %}
          // {{ rows }} rows of x times one panel of the weight, added to the sums in the result.
          %product{{ rows }}:{{ rows * vectors }} = scf.for %i = %c0 to %ilen step %c1 iter_args({{ numbered(rows * vectors, '%a', ' = %zero') }}) -> ({{ repeated(rows * vectors, f) }}) {
{%- if packed %}
            %wi = arith.addi %i0, %i : index
{%- else %}
            %wi = arith.addi %block, %i : index
{%- endif %}
{%- for j in range(vectors) %}
{%- if not packed %}
            %w{{ j }} = vector.load %ws[%wi, %lane{{ j }}] : !ws, {{ t }}
{%- elif dot %}
            %wp{{ j }} = vector.transfer_read %wt[%panel, %wi, %pair{{ j }}], %zeroe {in_bounds = [true]} : !w, {{ e }}
            %w{{ j }} = vector.bitcast %wp{{ j }} : {{ e }} to {{ t }}
{%- elif element != 'f32' %}
            %wp{{ j }} = vector.transfer_read %wt[%panel, %wi, %lane{{ j }}], %zeroe {in_bounds = [true]} : !w, {{ e }}
            %w{{ j }} = arith.extf %wp{{ j }} : {{ e }} to {{ t }}
{%- else %}
            %w{{ j }} = vector.transfer_read %wt[%panel, %wi, %lane{{ j }}], %zeroe {in_bounds = [true]} : !w, {{ e }}
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
{%- for j in range(vectors) %}{% set q = r * vectors + j %}
{%- if dot %}
            %n{{ q }} = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%a{{ q }}, %vb{{ r }}, %wb{{ j }}) : ({{ f }}, {{ e }}, {{ e }}) -> {{ f }}
{%- else %}
            %n{{ q }} = math.fma %v{{ r }}, %w{{ j }}, %a{{ q }} : {{ f }}
{%- endif %}
{%- endfor %}{% endfor %}
            scf.yield {{ numbered(rows * vectors, '%n') }} : {{ repeated(rows * vectors, f) }}
          }
{%- for r in range(rows) %}
          %below{{ r }} = arith.constant {{ r }} : index
          %from{{ r }} = arith.addi {{ first }}, %below{{ r }} : index
          %row{{ r }} = arith.addi %m, %from{{ r }} : index
{%- for j in range(vectors) %}{% set q = r * vectors + j %}
{%- set source = before if q == 0 else '%part' ~ rows ~ '_' ~ (q - 1) %}
          %at_column{{ q }} = arith.addi %column, %lane{{ j }} : index
          %old{{ q }} = vector.transfer_read {{ source }}[%row{{ r }}, %at_column{{ q }}], %zerof {in_bounds = [{{ nfull }}]} : {{ line }}, {{ f }}
          %so_far{{ q }} = arith.select %is_first, %bias{{ j }}, %old{{ q }} : {{ f }}
          %new{{ q }} = arith.addf %so_far{{ q }}, %product{{ rows }}#{{ q }} : {{ f }}
          {{ after if loop.last and r == rows - 1 else '%part' ~ rows ~ '_' ~ q }} = vector.transfer_write %new{{ q }}, {{ source }}[%row{{ r }}, %at_column{{ q }}] {in_bounds = [{{ nfull }}]} : {{ f }}, {{ line }}
{%- endfor %}{% endfor %}
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
{%- for j in range(vectors) %}
          %wrow{{ j }} = arith.addi %wfirst, %lane{{ j }} : index
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
!x = tensor<?x{{ k }}x{{ element }}>
{%- if packed %}
!w = tensor<{{ panels }}x{{ (k + per - 1) // per }}x{{ n0 * per }}x{{ element }}>
{%- else %}
!w = tensor<{{ n }}x{{ k }}x{{ element }}>
{%- endif %}
!b = tensor<{{ n }}x{{ element }}>
!y = tensor<?x{{ n }}xf32>
!xs = memref<{{ rows_max }}x{{ depth // per + lanes }}x{{ tile }}>
!ws = memref<{{ panels_many * depth // per }}x{{ n0 }}x{{ tile }}>
{%- macro readonly(of) %}!iree_tensor_ext.dispatch.tensor<readonly:{{ of }}>{% endmacro %}
{%- macro writeonly(of) %}!iree_tensor_ext.dispatch.tensor<writeonly:{{ of }}>{% endmacro %}

util.func private @linear(%x: !x, %w: !w{{ ', %b: !b' if bias }}) -> !y {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %rows = tensor.dim %x, %c0 : !x
  %mblock = arith.constant {{ row_block }} : index
  %mblocks = arith.ceildivui %rows, %mblock : index
  %few = arith.constant {{ few_rows }} : index
  %is_few = arith.cmpi ule, %rows, %few : index
  %groups_few = arith.constant {{ (panels + panels_few - 1) // panels_few }} : index
  %groups_many = arith.constant {{ (panels + panels_many - 1) // panels_many }} : index
  %groups = arith.select %is_few, %groups_few, %groups_many : index
  %out = flow.dispatch.workgroups[%groups, %mblocks, %c1](%x, %w{{ ', %b' if bias }}, %rows) : (!x{ %rows }, !w{{ ', !b' if bias }}, index) -> !y{ %rows } =
  (%xa: {{ readonly('!x') }}, %wa: {{ readonly('!w') }}{% if bias %}, %ba: {{ readonly('!b') }}{% endif %}, %ma: index, %ya: {{ writeonly('!y') }}) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c16 = arith.constant 16 : index
    %per = arith.constant {{ per }} : index
    %iblock = arith.constant {{ depth // per }} : index
    %zerof = arith.constant 0.0 : f32
    %zeroe = arith.constant 0.0 : {{ element }}
    %zero = arith.constant dense<0.0> : {{ f }}
    %panels = arith.constant {{ panels }} : index
    %n = arith.constant {{ n }} : index
    %width = arith.constant {{ n0 }} : index
    %k = arith.constant {{ k }} : index
    %kc = arith.constant {{ depth }} : index
    %rmax = arith.constant {{ rows_max }} : index
    %mblock = arith.constant {{ row_block }} : index
    %few = arith.constant {{ few_rows }} : index
    %np_few = arith.constant {{ panels_few }} : index
    %np_many = arith.constant {{ panels_many }} : index
    %is_few = arith.cmpi ule, %ma, %few : index
    %np = arith.select %is_few, %np_few, %np_many : index
{%- for j in range(vectors) %}
    %lane{{ j }} = arith.constant {{ 16 * j }} : index
    %pair{{ j }} = arith.constant {{ 32 * j }} : index
{%- endfor %}
    %xq = flow.dispatch.tie_shape %xa : {{ readonly('!x') }}{ %ma }
    %yq = flow.dispatch.tie_shape %ya : {{ writeonly('!y') }}{ %ma }
    %xt = iree_tensor_ext.dispatch.tensor.load %xq, offsets = [0, 0], sizes = [%ma, {{ k }}], strides = [1, 1] : {{ readonly('!x') }}{ %ma } -> !x
{%- if packed %}
    %wt = iree_tensor_ext.dispatch.tensor.load %wa, offsets = [0, 0, 0], sizes = [{{ panels }}, {{ (k + per - 1) // per }}, {{ n0 * per }}], strides = [1, 1, 1] : {{ readonly('!w') }} -> !w
{%- else %}
    %wt = iree_tensor_ext.dispatch.tensor.load %wa, offsets = [0, 0], sizes = [{{ n }}, {{ k }}], strides = [1, 1] : {{ readonly('!w') }} -> !w
    %ws = "memref.alloca"() <{alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>}> : () -> !ws
{%- endif %}
{%- if bias %}
    %bt = iree_tensor_ext.dispatch.tensor.load %ba, offsets = [0], sizes = [{{ n }}], strides = [1] : {{ readonly('!b') }} -> !b
{%- endif %}
    %xs = "memref.alloca"() <{alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>}> : () -> !xs
    %group = flow.dispatch.workgroup.id[0] : index
    %mb = flow.dispatch.workgroup.id[1] : index
    %m0 = arith.muli %mb, %mblock : index
    %mleft = arith.subi %ma, %m0 : index
    %mlen = arith.minsi %mleft, %mblock : index
    %panel0 = arith.muli %group, %np : index
    %pleft = arith.subi %panels, %panel0 : index
    %pcount = arith.minsi %pleft, %np : index
    %column0 = arith.muli %panel0, %width : index
    %nleft = arith.subi %n, %column0 : index
    %nwhole = arith.muli %np, %width : index
    %nlen = arith.minsi %nleft, %nwhole : index
    %sum0 = tensor.empty(%mlen, %nlen) : {{ line }}
    %sums = scf.for %kb = %c0 to %k step %kc iter_args(%sum1 = %sum0) -> ({{ line }}) {
      %kleft = arith.subi %k, %kb : index
      %klen = arith.minsi %kleft, %kc : index
      %ilen = arith.ceildivui %klen, %per : index
      %i0 = arith.divui %kb, %per : index
      %is_first = arith.cmpi eq, %kb, %c0 : index
{%- if not packed %}
      {{- copy_panels() }}
{%- endif %}
      %sum9 = scf.for %m = %c0 to %mlen step %rmax iter_args(%sum2 = %sum1) -> ({{ line }}) {
        {{- copy_rows() }}
        %sum8 = scf.for %p = %c0 to %pcount step %c1 iter_args(%sum3 = %sum2) -> ({{ line }}) {
          %column = arith.muli %p, %width : index
{%- if not packed %}
          %block = arith.muli %p, %iblock : index
{%- endif %}
          %panel = arith.addi %panel0, %p : index
{%- for j in range(vectors) %}
{%- if bias %}
          %bc{{ j }} = arith.addi %column, %lane{{ j }} : index
          %bi{{ j }} = arith.addi %column0, %bc{{ j }} : index
          %br{{ j }} = vector.transfer_read %bt[%bi{{ j }}], %zeroe {in_bounds = [{{ nfull }}]} : !b, vector<16x{{ element }}>
          %bias{{ j }} = arith.{{ 'extf %br' ~ j ~ ' : vector<16x' ~ element ~ '> to ' ~ f if element != 'f32' else 'addf %br' ~ j ~ ', %zero : ' ~ f }}
{%- else %}
          %bias{{ j }} = arith.constant dense<0.0> : {{ f }}
{%- endif %}
{%- endfor %}
          %sum7 = scf.if %is_full -> ({{ line }}) {
            {{- product(rows_max, '%c0', '%sum3', '%whole') }}
            scf.yield %whole : {{ line }}
          } else {
            %first{{ 2 * tails[0] }} = arith.constant 0 : index
{%- for r in tails %}
{%- set before = '%sum3' if loop.first else '%tail' ~ (2 * r) %}
            %bit{{ r }} = arith.constant {{ r }} : index
            %and{{ r }} = arith.andi %mcount, %bit{{ r }} : index
            %has{{ r }} = arith.cmpi ne, %and{{ r }}, %c0 : index
            %tail{{ r }} = scf.if %has{{ r }} -> ({{ line }}) {
              {{- product(r, '%first' ~ (2 * r), before, '%some') }}
              scf.yield %some : {{ line }}
            } else {
              scf.yield {{ before }} : {{ line }}
            }
            %first{{ r }} = arith.addi %first{{ 2 * r }}, %and{{ r }} : index
{%- endfor %}
            scf.yield %tail1 : {{ line }}
          }
          scf.yield %sum7 : {{ line }}
        }
        scf.yield %sum8 : {{ line }}
      }
      scf.yield %sum9 : {{ line }}
    }
    iree_tensor_ext.dispatch.tensor.store %sums, %yq, offsets = [%m0, %column0], sizes = [%mlen, %nlen], strides = [1, 1] : {{ line }} -> {{ writeonly('!y') }}{ %ma }
    flow.return
  } count(%gx: index, %gy: index, %gz: index) -> (index, index, index) {
    flow.return %gx, %gy, %gz : index, index, index
  }
  util.return %out : !y
}
