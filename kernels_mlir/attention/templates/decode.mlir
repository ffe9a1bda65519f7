{#- Attention of one query token a sequence to its keys, written for CPUs; a Jinja template.

Two dispatches. In the first, an item is `chunk` keys of one sequence and one key head, for all query
heads of that key head. The items of all sequences are shared evenly by the workers, one for each
core, so that all of them work for one long sequence. An item leaves a largest score, a sum and a
weighted sum of values; the second dispatch merges those of a sequence. Chunks begin at multiples of
`chunk`: the bits of a result depend on its sequence alone, not on the batch nor the threads.

With `heads_inside`, the key heads of a chunk are neighbours among the items, and a worker takes a
block of keys of one head after another, so that it reads memory in the order in which it lies, and
the prefetchers of the CPU can follow. Else, the chunks of a head are neighbours.

Reading keys and values limits the time, so each is read once, as it lies, and nothing is packed.
A tile of scores is `keys_each` keys times `heads_each` query heads, `lanes` sums in registers whose
lanes are added up together: the lane of key `k` and head `h` of a tile is `k * heads_each + h`. The
scores of a block stay in that order, so that softmax works on whole vectors.

`place`: `pages` (a table of pages `[heads][keys][channels]`), `heads_first` or `tokens_first`. A page
that is not in the cache is read as if it had no keys, and reported; so are lengths beyond the table.
`sliced`: a sequence has memory for `room` keys, of which the first `width` are there.
-#}
{%- from 'attention_index.mlir' import at, constant with context -%}
{%- from 'decode_index.mlir' import bindings, bound, most_keys, number, power_constants, sizes, span with context -%}
{%- from 'decode_block.mlir' import report with context -%}
{%- from 'decode_bytes.mlir' import byte_constants with context -%}
{%- from 'decode_chunk.mlir' import chunk_of_heads, queries with context -%}
{%- from 'decode_words.mlir' import word_constants with context -%}
{%- set room = '%room' if sliced else '%width' %}
!lines = memref<?x{{ lanes }}xf32>
!linest = tensor<?x{{ lanes }}xf32>
!f = vector<{{ lanes }}xf32>
!i = vector<{{ lanes }}xi32>
!mask = vector<{{ lanes }}xi1>
!qt = tensor<?x{{ kv_heads * group }}x{{ depth }}x{{ element }}>
!kvt = tensor<?x{{ {'pages': '%dx%dx%d' % (kv_heads, page or 0, depth), 'heads_first': '%dx?x%d' % (kv_heads, depth), 'tokens_first': '?x%dx%d' % (kv_heads, depth)}[place] }}x{{ cache }}>
#attend_layout = #hal.pipeline.layout<constants = {{ numbers | length }}, bindings = {{ bindings(inputs | length + outputs | length, inputs | length) }}>

hal.executable.source private @decode_attend {
  hal.executable.export public @decode_attend ordinal(0) layout(#attend_layout) count(%device: !hal.device, %workers: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    hal.return %workers, %one, %one : index, index, index
  }
  builtin.module {
{{ functions }}
    func.func @decode_attend() {
      {{- sizes() }}
{%- for name in numbers %}
      {{- number(name, loop.index0, '#attend_layout') }}
{%- endfor %}
      {{- constant('heads', kv_heads * group) }}
      {{- constant('group', group) }}
      {{- constant('block', block) }}
      {{- constant('tiles', tiles) }}
      {{- constant('heads_all', tiles * heads_each) }}
      {{- constant('keys_each', keys_each) }}
      {{- constant('lines_each', channel_vectors) }}
      {{- power_constants() }}
      %lowest = arith.constant dense<0xFF7FFFFF> : !f
      %none = arith.constant dense<0xFF800000> : !f
      %scale = arith.constant dense<{{ '%.9e' | format(scale) }}> : !f
{%- if soft_cap %}
      %cap = arith.constant dense<{{ '%.9e' | format(soft_cap) }}> : !f
      %cap_inverse = arith.constant dense<{{ '%.9e' | format(1 / soft_cap) }}> : !f
{%- endif %}
      %lane_key = arith.constant dense<[{% for i in range(lanes) %}{{ i // heads_each }}{{ ', ' if not loop.last }}{% endfor %}]> : !i
{%- for kind in [element, cache] | unique %}
      %zero_{{ kind }} = arith.constant {{ '0' if kind == 'i8' else '0.0' }} : {{ kind }}
{%- endfor %}
{%- if mask and mask not in (element, cache) %}
      %zero_{{ mask }} = arith.constant 0.0 : {{ mask }}
{%- endif %}
{%- if words %}
      {{- word_constants() }}
{%- endif %}
{%- if by_bytes %}
      {{- byte_constants() }}
{%- endif %}
      {{- most_keys() }}
      %q_rows = arith.muli %batch, %heads : index
{%- if paged %}
      {{- at('kv_rows', 'a * %d' | format(kv_heads * page), '%blocks') }}
      %entries = arith.muli %batch, %width : index
{%- else %}
      %kv_keys = arith.muli %batch, {{ room }} : index
      %kv_rows = arith.muli %kv_keys, %kv_heads : index
      {{- constant('stride', kv_heads if place == 'tokens_first' else 1) }}
{%- endif %}
{%- set types = {
  'q': ('qs', 'memref<?x%dx%s>' % (depth, element), '%q_rows'),
  'k': ('ks', 'memref<?x%dx%s>' % (depth, cache), '%kv_rows'),
  'v': ('vs', 'memref<?x%dx%s>' % (depth, cache), '%kv_rows'),
  'ksc': ('kscs', 'memref<?xf32>', '%kv_rows'), 'vsc': ('vscs', 'memref<?xf32>', '%kv_rows'),
  'table': ('table', 'memref<?x%s>' % entry, '%entries'), 'lengths': ('lengths', 'memref<?x%s>' % length, '%batch'),
  'mask': ('masks', 'memref<?x?x%s>' % mask, '%mask_rows, %width'),
  'parts': ('parts', '!lines', '%part_all'), 'own': ('own', '!lines', '%own_all'), 'report': ('report', 'memref<2x4xi64>', ''),
} %}
{%- for name in inputs + outputs %}
      {{- bound(types[name][0], types[name][1], loop.index0, '#attend_layout', types[name][2]) }}
{%- endfor %}
      %worker = hal.interface.workgroup.id[0] : index
      %workers = hal.interface.workgroup.count[0] : index
      %own_index = memref.extract_aligned_pointer_as_index %own : !lines -> index
      %own_i64 = arith.index_cast %own_index : index to i64
      %own_base = llvm.inttoptr %own_i64 : i64 to !llvm.ptr
      %k_base = memref.extract_aligned_pointer_as_index %ks : memref<?x{{ depth }}x{{ cache }}> -> index
      %v_base = memref.extract_aligned_pointer_as_index %vs : memref<?x{{ depth }}x{{ cache }}> -> index
{%- if scaled %}
      %ksc_base = memref.extract_aligned_pointer_as_index %kscs : memref<?xf32> -> index
      %vsc_base = memref.extract_aligned_pointer_as_index %vscs : memref<?xf32> -> index
{%- endif %}
      {{- at('q_own', 'a * %d' | format(own_lines), '%worker') }}
      {{- at('s_own', 'a + %d' | format(q_lines * slots), '%q_own') }}
      {{- at('shrink_own', 'a + %d' | format(s_lines), '%s_own') }}
{%- if words %}
      {{- at('grow_own', 'a + 1', '%shrink_own') }}
      {{- at('vsc_own', 'a + 2', '%shrink_own') }}
      {{- at('factor_own', 'a + %d' | format(2 + block // lanes), '%shrink_own') }}
      {{- at('offset_own', 'a + %d' | format(tiles * slots), '%factor_own') }}
{%- endif %}
{%- if paged %}
      %is_first = arith.cmpi eq, %worker, %c0 : index
      scf.if %is_first {
        {{- report() }}
      }
{%- endif %}

      %total = scf.for %b = %c0 to %batch step %c1 iter_args(%so_far = %c0) -> (index) {
        {{- span() }}
        %next = arith.addi %so_far, %count : index
        scf.yield %next : index
      }
      {{- at('worker_next', 'a + 1', '%worker') }}
      %first_of = arith.muli %worker, %total : index
      %end_of = arith.muli %worker_next, %total : index
      %first = arith.divui %first_of, %workers : index
      %end = arith.divui %end_of, %workers : index
      %all = scf.for %b = %c0 to %batch step %c1 iter_args(%base = %c0) -> (index) {
        {{- span() }}
        %base_next = arith.addi %base, %count : index
        %item_first = arith.maxsi %first, %base : index
        %item_end = arith.minsi %end, %base_next : index
{%- if paged %}
        %table_row = arith.muli %b, %width : index
{%- endif %}
{%- if mask %}
        {{- at('mask_last', 'a - 1', '%mask_rows') }}
        %mask_row = arith.minsi %b, %mask_last : index
{%- endif %}
        %item0 = arith.subi %item_first, %base : index
        %item1 = arith.subi %item_end, %base : index
        %has_items = arith.cmpi slt, %item0, %item1 : index
{%- if heads_inside %}
        %group_first = arith.divui %item0, %kv_heads : index
        %group_end = arith.ceildivui %item1, %kv_heads : index
        %group_next = arith.addi %group_first, %c1 : index
        %is_one = arith.cmpi eq, %group_next, %group_end : index
        %head_low = arith.remui %item0, %kv_heads : index
        {{- at('head_high', 'a - b * %d' | format(kv_heads), '%item1', '%group_first') }}
        // A worker with items of several chunks has all heads.
        %q_first = arith.select %is_one, %head_low, %c0 : index
        %q_end = arith.select %is_one, %head_high, %kv_heads : index
        scf.if %has_items {
          scf.for %kh = %q_first to %q_end step %c1 {
            {{- queries() }}
          }
          scf.for %c = %group_first to %group_end step %c1 {
            {{- at('head_first_any', 'a - b * %d' | format(kv_heads), '%item0', '%c') }}
            {{- at('head_end_any', 'a - b * %d' | format(kv_heads), '%item1', '%c') }}
            %head_first = arith.maxsi %head_first_any, %c0 : index
            %head_end = arith.minsi %head_end_any, %kv_heads : index
            {{- chunk_of_heads() }}
          }
        }
{%- else %}
        scf.for %in_sequence = %item0 to %item1 step %c1 {
          %head_first = arith.divui %in_sequence, %chunks : index
          %c = arith.remui %in_sequence, %chunks : index
          %head_end = arith.addi %head_first, %c1 : index
          %kh = arith.addi %head_first, %c0 : index
          {{- queries() }}
          {{- chunk_of_heads() }}
        }
{%- endif %}
        scf.yield %base_next : index
      }
      return
    }
  }
}

{% include 'decode_merge.mlir' %}
{%- set tensors = {
  'q': ('!qt', '%batch'), 'k': ('!kvt', '%blocks' if paged else '%batch, ' ~ room), 'v': ('!kvt', '%blocks' if paged else '%batch, ' ~ room),
  'ksc': ('tensor<?x%dx%dxf32>' % (kv_heads, page or 0), '%blocks'), 'vsc': ('tensor<?x%dx%dxf32>' % (kv_heads, page or 0), '%blocks'),
  'table': ('tensor<?x?x%s>' % entry, '%batch, %width'), 'lengths': ('tensor<?x%s>' % length, '%batch'),
  'mask': ('tensor<?x?x%s>' % mask, '%mask_rows, %width'), 'sinks': ('tensor<%dx%s>' % (kv_heads * group, sinks), ''),
  'parts': ('!linest', '%part_all'), 'own': ('!linest', '%own_all'), 'report': ('tensor<2x4xi64>', ''),
} %}
{%- macro typed(name) %}{{ tensors[name][0] }}{{ '{ %s }' | format(tensors[name][1]) if tensors[name][1] }}{% endmacro %}
{%- macro all_typed(names) %}{% for name in names %}{{ typed(name) }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro %}
{%- macro all_values(names) %}{% for name in names %}%{{ name }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro %}
{%- set parameters = inputs + (['sinks'] if sinks else []) %}

util.func private @decode({% for name in parameters %}%{{ name }}: {{ tensors[name][0] }}{{ ', ' if not loop.last }}{% endfor %}{{ ', %length: i64' if sliced }}) -> ({{ '!qt, tensor<4xi64>, tensor<4xi64>' if paged else '!qt' }}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %batch = tensor.dim %q, %c0 : !qt
{%- if paged %}
  %blocks = tensor.dim %k, %c0 : !kvt
  %width = tensor.dim %table, %c1 : tensor<?x?x{{ entry }}>
  %page = arith.constant {{ page }} : index
  %keys = arith.muli %width, %page : index
{%- else %}
  %blocks = arith.constant 0 : index
  {{ room }} = tensor.dim %k, %c{{ 2 if place == 'heads_first' else 1 }} : !kvt
{%- if sliced %}
  %length_any = arith.index_cast %length : i64 to index
  %length_low = arith.maxsi %length_any, %c0 : index
  %width = arith.minsi %length_low, %room : index
{%- endif %}
  %keys = arith.addi %width, %c0 : index
{%- endif %}
{%- if mask %}
  %mask_rows = tensor.dim %mask, %c0 : tensor<?x?x{{ mask }}>
{%- endif %}
  %chunk = arith.constant {{ chunk }} : index
  %chunks_all = arith.ceildivui %keys, %chunk : index
{%- if window %}
  // Of those that a window touches, the first and the last may be cut.
  %chunks_most = arith.constant {{ window // chunk + 2 }} : index
  %chunks = arith.minui %chunks_all, %chunks_most : index
{%- else %}
  %chunks = arith.addi %chunks_all, %c0 : index
{%- endif %}
  %kv_heads = arith.constant {{ kv_heads }} : index
  %heads = arith.constant {{ kv_heads * group }} : index
  %pairs = arith.muli %batch, %kv_heads : index
  %items_any = arith.muli %pairs, %chunks : index
  %items = arith.maxui %items_any, %c1 : index
  %most = arith.constant {{ workers }} : index
  %workers = arith.minui %items, %most : index
  %rows_any = arith.muli %batch, %heads : index
  %rows = arith.maxui %rows_any, %c1 : index
  %mergers = arith.minui %rows, %most : index
  %part_lines = arith.constant {{ part_lines }} : index
  %own_lines = arith.constant {{ own_lines }} : index
  %part_all = arith.muli %items, %part_lines : index
  %own_all = arith.muli %workers, %own_lines : index
{%- for name in numbers %}
  %{{ name }}_i32 = arith.index_castui %{{ name }} : index to i32
{%- endfor %}
  %y:{{ outputs | length }} = flow.dispatch @decode_attend::@decode_attend[%workers]({% for name in numbers %}%{{ name }}_i32, {% endfor %}{{ all_values(inputs) }}) : ({% for name in numbers %}i32, {% endfor %}{{ all_typed(inputs) }}) -> ({{ all_typed(outputs) }})
  %out = flow.dispatch @decode_merge::@decode_merge[%mergers](%batch_i32, %width_i32, %blocks_i32, %part_all_i32, {% for name in merge_inputs %}{{ '%y#0' if name == 'parts' else '%%%s' | format(name) }}{{ ', ' if not loop.last }}{% endfor %}) : (i32, i32, i32, i32, {{ all_typed(merge_inputs) }}) -> !qt{ %batch }
{%- if paged %}
  %lengths_row = tensor.extract_slice %y#2[0, 0] [1, 4] [1, 1] : tensor<2x4xi64> to tensor<4xi64>
  %table_row = tensor.extract_slice %y#2[1, 0] [1, 4] [1, 1] : tensor<2x4xi64> to tensor<4xi64>
  util.return %out, %lengths_row, %table_row : !qt, tensor<4xi64>, tensor<4xi64>
{%- else %}
  util.return %out : !qt
{%- endif %}
}
