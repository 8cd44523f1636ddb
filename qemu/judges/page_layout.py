"""What a struct page of this kernel means, from the debug symbols' types alone (never from vmcoreinfo).

Page flags are `enum pageflags`, page types `enum pagetype` where the kernel has one. What older kernels had as macros
is in no debug symbols; such values are named here with the commit that made them.
"""


class Layout:
    """Offsets into struct page, and predicates over its words, which are ints read at these offsets."""

    def __init__(self, prog):
        page = prog.type("struct page")
        self.page_bytes = page.size
        self.flags_at = _offset(prog, page, "flags")
        self.mapping_at = _offset(prog, page, "mapping")
        self.private_at = _offset(prog, page, "private")
        self.next_at = _offset(prog, page, "lru.next")
        self.type_at = _offset(prog, page, "page_type", "_mapcount")
        # Renamed by Linux commit d50569612c29, v7.1. Bit 0 means a tail in both.
        self.compound_at = _offset(prog, page, "compound_info", "compound_head")
        self.max_order = prog.type("struct zone").member("free_area").type.length - 1

        flags = {name: value for name, value in prog.type("enum pageflags").enumerators}
        mask = lambda name: 1 << flags[name] if name in flags else 0
        self.lru, self.private, self.head = mask("PG_lru"), mask("PG_private"), mask("PG_head")
        self.swap_backed, self.swap_cache = mask("PG_swapbacked"), mask("PG_swapcache")
        # 0 where CONFIG_MEMORY_FAILURE is unset: no page can be poisoned.
        self.hwpoison = mask("PG_hwpoison")
        # A page type since v6.10 (46df8e73a4a3, "mm: free up PG_slab").
        self.slab_flag = mask("PG_slab")

        types = _enumerators(prog, "enum pagetype")
        if "PGTY_buddy" in types:
            self._types_in_top_byte(types)
        elif "PG_buddy" in types:
            raise LookupError("page types of Linux 6.10 and 6.11 are not known to this judge")
        else:
            self._types_as_cleared_bits()
        self._find_order(prog, page)
        self._find_hugetlb(prog, page, flags, types)

    def _types_in_top_byte(self, types):
        """Linux commit 4ffca5a96678 ("mm: support only one page_type per page"), v6.12."""
        self.is_type = lambda word, value: word >> 24 == value
        self.has_type = lambda word: 0x80 <= word >> 24 < types["PGTY_mapcount_underflow"]
        self.buddy, self.offline = types["PGTY_buddy"], types["PGTY_offline"]
        self.slab, self.unaccepted = types.get("PGTY_slab"), types.get("PGTY_unaccepted")

    def _types_as_cleared_bits(self):
        """Linux commit 6e292b9be7f4 ("mm: split page_type out from _mapcount"), v4.18: macros, so in no debug symbols.

        PG_offline: "mm: convert PG_balloon to PG_offline", v5.1.
        """
        base = 0xF000_0000
        self.is_type = lambda word, bit: word & (base | bit) == base
        # page_has_type(): below PAGE_MAPCOUNT_RESERVE (-128) as a signed number.
        self.has_type = lambda word: 0x8000_0000 <= word < 0xFFFF_FF80
        self.buddy, self.offline = 0x80, 0x100
        self.slab = self.unaccepted = None

    def _find_order(self, prog, page):
        """The order of a compound page is kept in its second struct page."""
        for type_, name in ((page, "compound_order"), (_type(prog, "struct folio"), "_folio_order")):
            if type_ and type_.has_member(name):
                # In struct folio the second page's fields are counted from the first's.
                self.order_at = type_.member(name).bit_offset // 8 % self.page_bytes
                return
        # Linux commit ebc1baf5c9b4 ("mm: free up a word in the first tail page"), v6.6: the low byte of _flags_1.
        self.order_at = _offset(prog, prog.type("struct folio"), "_flags_1") % self.page_bytes

    def _find_hugetlb(self, prog, page, flags, types):
        destructors = _enumerators(prog, "enum compound_dtor_id")
        if "PGTY_hugetlb" in types:
            # Linux commit d99e3140a4d3 ("mm: turn folio_test_hugetlb into a PageType"), v6.9.
            self.is_hugetlb = lambda word, _second: self.is_type(word, types["PGTY_hugetlb"])
        elif page.has_member("compound_dtor") and destructors:
            at = page.member("compound_dtor").bit_offset // 8
            self.is_hugetlb = lambda _word, second: second[at] == destructors["HUGETLB_PAGE_DTOR"]
        else:
            # Linux commit 9c5ccf2db04b ("mm: remove HUGETLB_PAGE_DTOR"), v6.6: a flag of the second page.
            shift, at = flags["PG_hugetlb"], self.flags_at
            self.is_hugetlb = lambda _word, second: second[at + shift // 8] >> shift % 8 & 1

    def is_slab(self, flags, word):
        return flags & self.slab_flag or (self.slab is not None and self.is_type(word, self.slab))


def _offset(prog, type_, *names):
    """The byte offset of the first of these members that the type has; `a.b` is a member of a member."""
    for name in names:
        offset, at = 0, type_
        for part in name.split("."):
            if not at.has_member(part):
                break
            member = at.member(part)
            offset, at = offset + member.bit_offset // 8, member.type
        else:
            return offset
    raise LookupError(f"{type_.type_name()} has none of {', '.join(names)}")


def _type(prog, name):
    try:
        return prog.type(name)
    except LookupError:
        return None


def _enumerators(prog, name):
    type_ = _type(prog, name)
    return {name: value for name, value in type_.enumerators} if type_ else {}
