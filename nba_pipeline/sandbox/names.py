"""Invented names. No combination of first and family name belongs to a real player."""

import unicodedata
from functools import lru_cache

SUFFIXES = ("Jr.", "II", "III", "Jr.")

FIRST_NAMES = tuple(
    """
Abel Adrián Alden Amadou Ambrose Anselm Arlo Augustin Barnaby Bastian Benedek Boris Bram Cael Caspian Cato Cédric
Clement Corbin Cyprian Dashiell Deniz Dmitri Dorian Eamon Edmund Elio Emeric Enzo Fabian Faisal Felix Fintan Florian
Gideon Gustavo Hadrian Hakeem Hamish Henrik Hugo Idris Ignatius Ilya Isidore Ivo Jago Jarek Jasper Joaquín Jonas Kaito
Kasper Keanu Kieran Kofi Lambert Lazar Leopold Linus Lorcan Lucian Magnus Mathias Mateo Miro Nils Obadiah Octavian
Odell Orson Osman Otis Pascal Percival Piers Quillon Rafael Ragnar Remy Roland Rufus Santiago Sebastian Seydou Silas
Soren Stellan Tadeo Tarek Thaddeus Théo Tobias Ulric Valentin Vaughn Viggo Wendel Xavi Yannick Yusuf Zeno
""".split()
)

FAMILY_NAMES = tuple(
    """
Abernathy Achterberg Adeyinka Alderete Almquist Ambrosini Amundsen Ankrah Appelbaum Ardelean Arkwright Asante-Boye
Ashdown Attenborough Aubertin Averbeck Baczyński Balodis Bankole Barzani Bashir-Cole Bellweather Bērziņš Bianchetti
Birkenshaw Blanchflower Blomqvist Boateng-Hale Bonaventure Borrowdale Boyadjian Brackenridge Brandvold Breitner
Brisbane Broadmeadow Bukowski Cabrillo Calloway-Finch Cantwell Carmichael Castellanos Chadbourne Chakrabarti Chastain
Cholmondeley Clerkenwell Colquhoun Considine Copperfield Corrigan Cottingham Cresswell D'Amberley D'Orsini Dabrowa
Dalgaard Danquah De-la-Roche Delacroix-Webb Demirel Derbyshire Desrosiers Dinwiddle Domínguez Drinkwater Dubois-Carr
Dufresne Dunleary Eastabrook Ebersole Eberhardt Egerton Eikeland Ellsworth Endicott Escalera Etchebarne Everingham
Fairweather Falkenberg Fanshawe Faraday Farquharson Featherstone Fenwick Ferreira-Lund Fitzalan Fjellstad Flannigan
Fonteyn Fortescue Friedlander Gainsborough Galbraith Garrido Gastineau Geoghegan Gilchrist Glennister Godolphin
Goldsworthy Gyamfi Gräfenberg Greengrass Grimaldi Grosvenor Guðmundsson Haddington Hallström Hargreave Hartigan
Haverford Hawtrey Heatherington Hedlund Hennessey Hightower-Bloom Hollingshead Holmström Hornblower Huxtable Idowu
Ingersoll Inglewood Iturralde Jablonski Janáček Jankulovski Jernigan Kaczmarek Kalniņš Karlsdóttir Kavanagh Kazantzis
Kettering Kilbride Kirkcaldy Kjeldsen Kolawole Kościuszko Kovačić Kowalczyk Krzyzewski-Dahl Kuznets Lachance
Lamontagne Lancaster-Obi Langenfeld Larkspur Lavoisier Leclercq Lesniak Lillehammer Lindqvist Llewellyn Lockridge
Lovelace Lundgren M'Bala Macallister Maddox-Quaye Mahlangu Maksimović Malmgren Mandelbaum Marchetti Markovich
Marlborough Mazurek Merriweather Middlebrook Mikkelsen Montague Moriarty Mulcahy N'Guessan-Roy Nakashima Navratil
Nettleship Nieminen Nightingale Norrington Nyström O'Callahan O'Darragh O'Shaughn Oakeshott Obuasi Oduya Ogilvie
Okonedo Oldcastle Olufsen Oppenshaw Osei-Tutu Ostrander Paderewski Palmgren Panagopoulos Pankhurst Papadakis Partridge
Pemberton Pendergast Peregrine Petrossian Pickersgill Pinckney Plantard Ponsonby Prendiville Quackenbush Quarshie
Quennell Quintrell Rademaker Ravenscroft Redgrave Reichenbach Renfield Rochambeau Rosenqvist Rothschild Rutherglen
Sagarra Salamanca Sandoval-Pike Saltonstall Santangelo Sarkissian Scarborough Schoonover Sedgwick Šimkus Skarsgaard
Somerville Stavropoulos Steenkamp Strindberg Sutherland Świątek Szymański Tattersall Tchaïka Tennyson Thistlewood
Throckmorton Tremblay-Ash Trevelyan Underwald Valdivieso Valenzuela Vanderhoof Vasilenko Venkataraman Villanueva
Vrabel Wadsworth Wainwright Walsingham Warrington Weatherby Wendelboe Westergaard Whitcombe Wiśniewski Wolstenholme
Woodhouse Worthington Wyndham Yarborough Yeboah-Strand Zabriskie Zavala Zielinski Žukauskas Zwingli
""".split()
)


LETTERS_WITHOUT_DECOMPOSITION = str.maketrans({"ð": "d", "ł": "l", "ø": "o"})


def without_accents(name: str) -> str:
    """Returns the name without accents. Keeps capital letters."""
    decomposed = unicodedata.normalize("NFKD", name.translate(LETTERS_WITHOUT_DECOMPOSITION))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


@lru_cache(maxsize=8192)
def plain(name: str) -> str:
    """Returns the name without accents and in lower case, to compare spellings."""
    return without_accents(name).lower()
