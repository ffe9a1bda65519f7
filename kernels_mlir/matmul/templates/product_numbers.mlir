{#- Integers of a packed weight as numbers: those of one step and one vector of columns. -#}
{%- set table4 = [0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1] -%}
{%- macro tables() %}
{%- if form == 'w4' and lookup and dot %}
    %table = arith.constant dense<[{% for v in table4 + table4 %}{{ bf16_bits[v] }}{{ ', ' if not loop.last }}{% endfor %}]> : vector<32xi16>
{%- elif form == 'w4' and lookup %}
    %table = arith.constant dense<[{% for v in table4 %}{{ v }}.0{{ ', ' if not loop.last }}{% endfor %}]> : vector<16xf32>
{%- endif %}
{%- endmacro -%}
{%- macro numbers_of(name, q, j, at) %}
{%- if form == 'float' %}
{%- if pairs and not dot %}
            %{{ name }}e = vector.load %wt[%panel{{ q }}, {{ at }}, %pair{{ q }}_{{ j }}] : !w, vector<32xbf16>
            %{{ name }}b = vector.bitcast %{{ name }}e : vector<32xbf16> to vector<16xi32>
            %{{ name }}h = arith.constant dense<16> : vector<16xi32>
            %{{ name }}m = arith.constant dense<-65536> : vector<16xi32>
            %{{ name }}lo = arith.shli %{{ name }}b, %{{ name }}h : vector<16xi32>
            %{{ name }}hi = arith.andi %{{ name }}b, %{{ name }}m : vector<16xi32>
            %{{ name }}0 = vector.bitcast %{{ name }}lo : vector<16xi32> to vector<16xf32>
            %{{ name }}1 = vector.bitcast %{{ name }}hi : vector<16xi32> to vector<16xf32>
{%- elif dot %}
            %{{ name }}e = vector.load %wt[%panel{{ q }}, {{ at }}, %pair{{ q }}_{{ j }}] : !w, vector<32xbf16>
            %{{ name }}0 = vector.bitcast %{{ name }}e : vector<32xbf16> to vector<16xi32>
{%- elif w_element != 'f32' %}
            %{{ name }}e = vector.load %wt[%panel{{ q }}, {{ at }}, %lane{{ q }}_{{ j }}] : !w, vector<16x{{ w_element }}>
            %{{ name }}0 = arith.extf %{{ name }}e : vector<16x{{ w_element }}> to vector<16xf32>
{%- else %}
            %{{ name }}0 = vector.load %wt[%panel{{ q }}, {{ at }}, %lane{{ q }}_{{ j }}] : !w, vector<16xf32>
{%- endif %}
{%- elif form == 'w8' %}
            %{{ name }}k0 = arith.addi {{ at }}, {{ at }} : index
            %{{ name }}k1 = arith.addi %{{ name }}k0, %c1 : index
{%- for u in range(2) %}
            %{{ name }}e{{ u }} = vector.load %wt[%panel{{ q }}, %{{ name }}k{{ u }}, %lane{{ q }}_{{ j }}] : !w, vector<16xi8>
            %{{ name }}i{{ u }} = arith.extsi %{{ name }}e{{ u }} : vector<16xi8> to vector<16xi32>
            %{{ name }}{{ 'f' if dot }}{{ u }} = arith.sitofp %{{ name }}i{{ u }} : vector<16xi32> to vector<16xf32>
{%- endfor %}
{%- if dot %}
            // Integers of 8 bits are exact in bfloat16, the high half of a float.
            %{{ name }}b0 = vector.bitcast %{{ name }}f0 : vector<16xf32> to vector<16xi32>
            %{{ name }}b1 = vector.bitcast %{{ name }}f1 : vector<16xf32> to vector<16xi32>
            %{{ name }}h = arith.constant dense<16> : vector<16xi32>
            %{{ name }}m = arith.constant dense<-65536> : vector<16xi32>
            %{{ name }}lo = arith.shrui %{{ name }}b0, %{{ name }}h : vector<16xi32>
            %{{ name }}hi = arith.andi %{{ name }}b1, %{{ name }}m : vector<16xi32>
            %{{ name }}0 = arith.ori %{{ name }}lo, %{{ name }}hi : vector<16xi32>
{%- endif %}
{%- else %}
            %{{ name }}e = vector.load %wt[%panel{{ q }}, {{ at }}, %lane{{ q }}_{{ j }}] : !w, vector<16xi32>
{%- for u in range(4 if dot else 8) %}{% set shift = 4 * u if dot else 4 * (u // 2) + 16 * (u % 2) %}
{%- if lookup %}
            %{{ name }}n{{ u }} = arith.constant dense<{{ shift }}> : vector<16xi32>
            %{{ name }}s{{ u }} = arith.shrui %{{ name }}e, %{{ name }}n{{ u }} : vector<16xi32>
{%- if dot %}
            %{{ name }}h{{ u }} = vector.bitcast %{{ name }}s{{ u }} : vector<16xi32> to vector<32xi16>
            %{{ name }}p{{ u }} = llvm.call_intrinsic "llvm.x86.avx512.permvar.hi.512"(%table, %{{ name }}h{{ u }}) : (vector<32xi16>, vector<32xi16>) -> vector<32xi16>
            %{{ name }}{{ u }} = vector.bitcast %{{ name }}p{{ u }} : vector<32xi16> to vector<16xi32>
{%- else %}
            %{{ name }}{{ u }} = llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"(%table, %{{ name }}s{{ u }}) : (vector<16xf32>, vector<16xi32>) -> vector<16xf32>
{%- endif %}
{%- else %}
            %{{ name }}l{{ u }} = arith.constant dense<{{ 28 - shift }}> : vector<16xi32>
            %{{ name }}a{{ u }} = arith.constant dense<28> : vector<16xi32>
            %{{ name }}s{{ u }} = arith.shli %{{ name }}e, %{{ name }}l{{ u }} : vector<16xi32>
            %{{ name }}i{{ u }} = arith.shrsi %{{ name }}s{{ u }}, %{{ name }}a{{ u }} : vector<16xi32>
            %{{ name }}{{ u }} = arith.sitofp %{{ name }}i{{ u }} : vector<16xi32> to vector<16xf32>
{%- endif %}
{%- endfor %}
{%- endif %}
{%- endmacro -%}
