// A direction in 32 bits, on the faces of an octahedron laid flat.

vec2 folded(vec2 flat_place) {
    return (1.0 - abs(flat_place.yx)) * vec2(flat_place.x >= 0.0 ? 1.0 : -1.0, flat_place.y >= 0.0 ? 1.0 : -1.0);
}

uint packed_normal(vec3 direction) {
    direction /= abs(direction.x) + abs(direction.y) + abs(direction.z) + 1e-20;
    vec2 laid = direction.z >= 0.0 ? direction.xy : folded(direction.xy);
    uvec2 whole = uvec2(laid * 32767.5 + 32768.0);
    return min(whole.x, 65535u) | (min(whole.y, 65535u) << 16);
}

vec3 unpacked_normal(uint value) {
    vec2 laid = vec2(float(value & 65535u), float(value >> 16)) / 32767.5 - 1.0;
    vec3 direction = vec3(laid, 1.0 - abs(laid.x) - abs(laid.y));
    if (direction.z < 0.0) direction.xy = folded(laid);
    return normalize(direction);
}
