"""Words that surrogates are made of: names by language and gender, places, firms.
Common enough to be read as what they are; none belongs to one person. The lists also tell the
gender and language of the names that they replace.
"""

from typing import Final

FEMALE: Final = {
    "en": """
        Abigail Alice Amelia Audrey Beatrice Bethany Brenda Bridget Caroline Cynthia Daphne
        Deborah Diana Doris Edith Eleanor Elizabeth Emily Emma Evelyn Fiona Florence Frances Gemma
        Georgia Gillian Gwendolyn Hannah Harriet Hazel Heather Helen Imogen Isabel Jane Janet
        Jennifer Jessica Joan Joanna Judith Karen Katherine Laura Lillian Linda Louisa Lucy Lydia
        Margaret Marion Mary Matilda Megan Meredith Miranda Monica Nancy Naomi Natalie Olivia
        Pamela Patricia Paula Penelope Philippa Phoebe Rachel Rebecca Rosalind Ruth Sarah Sharon
        Sophia Stella Susan Sylvia Tabitha Teresa Vanessa Veronica Victoria Virginia Vivian Wendy
        Winifred
        """.split(),
    "de": """
        Adelheid Agnes Angelika Anke Annegret Anneliese Antje Astrid Barbara Bärbel Beate Berta
        Birgit Brigitte Britta Christel Cornelia Dagmar Dorothea Edeltraud Elfriede Elke Ella
        Erika Erna Eva Frauke Frieda Friederike Gabriele Gerda Gertrud Gisela Greta Gudrun Hanna
        Hannelore Heide Heike Helene Helga Hilde Hildegard Ilse Imke Inge Ingeborg Ingrid Irmgard
        Jutta Karin Katharina Kerstin Kirsten Liesel Lieselotte Lina Lotte Luise Magdalena Maike
        Margarete Margit Marlene Martina Mathilde Meike Mechthild Monika Nele Petra Regina Renate
        Roswitha Sabine Sieglinde Silke Sigrid Susanne Svenja Tanja Theresia Thekla Traudel Ulrike
        Ursula Ute Veronika Waltraud Wiebke Wilhelmine
        """.split(),
    "fr": """
        Adèle Agathe Agnès Amandine Anaïs Apolline Ariane Aurélie Béatrice Bérénice Blandine
        Brigitte Camille Capucine Cécile Céline Chantal Charlène Chloé Clémence Clotilde Coralie
        Corinne Danielle Delphine Denise Édith Élise Élodie Émilie Estelle Eugénie Fabienne Fanny
        Flavie Florence Françoise Gabrielle Geneviève Ghislaine Hélène Honorine Hortense Inès
        Irène Isabelle Jacqueline Jeanne Joséphine Josette Juliette Justine Laetitia Laurence Léa
        Léonie Lorraine Louise Lucie Madeleine Manon Margaux Margot Marguerite Marianne Maryse
        Mathilde Maud Mélanie Mireille Monique Nadège Nathalie Noémie Océane Odette Odile Pascale
        Pauline Perrine Raymonde Romane Roseline Sabrina Sandrine Simone Solange Solène Suzanne
        Sylvie Thérèse Valérie Véronique Violette Yvette Yvonne Zoé
        """.split(),
}
MALE: Final = {
    "en": """
        Adam Adrian Alan Albert Alfred Andrew Anthony Arthur Barnaby Benjamin Bernard Brian Bruce
        Cameron Cecil Charles Christopher Clifford Clive Colin Craig Cyril Damian Daniel David
        Dennis Derek Desmond Dominic Donald Douglas Duncan Edgar Edmund Edward Eric Ernest Felix
        Francis Gareth Geoffrey George Gerald Gilbert Gordon Graham Gregory Harold Harvey Henry
        Herbert Howard Hugh Ian Isaac Ivan Jack Jacob James Jasper Jeffrey Jeremy John Jonathan
        Joseph Joshua Julian Keith Kenneth Kevin Laurence Leonard Leslie Lewis Malcolm Marcus
        Matthew Maurice Michael Neil Nicholas Nigel Norman Oliver Oscar Patrick Philip Quentin
        Ralph Raymond Richard Robert Roger Roland Ronald Rupert Russell Samuel Sebastian Simon
        Stanley Stephen Stuart Terence Theodore Thomas Timothy Trevor Tristan Victor Vincent
        Walter Warren William
        """.split(),
    "de": """
        Achim Albrecht Alfons Alois Andreas Anselm Armin Arno Axel Benedikt Bernd Bernhard Bertram
        Bodo Burkhard Carsten Christoph Clemens Detlef Dieter Dietmar Dietrich Dirk Eberhard
        Eckart Egon Elmar Emil Engelbert Erhard Erich Ernst Erwin Eugen Ewald Falk Ferdinand
        Florian Franz Friedrich Fritz Georg Gerd Gerhard Gero Gottfried Götz Günter Gunther Gustav
        Hannes Hans Harald Hartmut Heiko Heiner Heinrich Heinz Helge Helmut Henning Hermann Holger
        Horst Hubert Ingo Jens Joachim Jochen Johannes Jörg Josef Jürgen Karl Karsten Klaus Knut
        Konrad Kuno Kurt Lars Leopold Lothar Ludger Ludwig Lukas Manfred Matthias Moritz Norbert
        Olaf Oswald Otto Rainer Reinhard Reinhold Rolf Rüdiger Rudolf Rupprecht Siegfried Sönke
        Stefan Steffen Sven Theodor Thilo Torsten Udo Ulf Ulrich Uwe Veit Volker Waldemar Werner
        Wilfried Wilhelm Winfried Wolfgang Wolfram
        """.split(),
    "fr": """
        Achille Adrien Aimé Alain Alexis Amaury Anatole André Antoine Armand Aurélien Baptiste
        Barthélemy Basile Bastien Benoît Bertrand Blaise Cédric Charles Christophe Claude Clément
        Corentin Cyprien Damien Denis Didier Dimitri Édouard Éloi Émile Éric Étienne Eugène Fabien
        Fabrice Félix Fernand Florent Franck François Frédéric Gaël Gaëtan Gaspard Gaston Gauthier
        Georges Gérald Gérard Germain Ghislain Gilles Grégoire Guillaume Guy Hector Henri
        Hippolyte Honoré Hugues Hyacinthe Jacques Jean Jérémie Jérôme Joël Joseph Jules Julien
        Laurent Léon Lionel Loïc Louis Luc Lucien Ludovic Marcel Marius Mathieu Maurice Maxence
        Michel Nicolas Noël Octave Olivier Pascal Patrice Paul Philippe Pierre Quentin Raoul
        Raphaël Raymond Régis Rémi René Roland Romain Sébastien Serge Sylvain Tanguy Théodore
        Théophile Thibault Thierry Timothée Urbain Valentin Xavier Yannick Yves
        """.split(),
}
EITHER: Final = {
    "en": "Robin Alex Jordan Taylor Morgan Casey Jamie Riley Avery Quinn Rowan Hayden Emerson "
    "Blair Harley Kendall Finley Reese Sidney Marley".split(),
    "de": "Kim Robin Sascha Toni Luca Jona Mika Nikola Eike Kersten Friedel Heilwig Bente Jule "
    "Momme Uli Renke Tomke Gerrit Auke".split(),
    "fr": "Dominique Maxime Alix Sacha Lou Charlie Ange Andréa Morgane Camélien Stéphane Maé "
    "Loan Noa Eden Swann Yaël Élie Céleste Prudence".split(),
}
FAMILY: Final = {
    "en": """
        Abbott Ainsworth Aldridge Appleton Ashworth Atkinson Bairstow Baldwin Barlow Bennett
        Blackwood Bradshaw Brennan Briggs Buckley Burgess Caldwell Carmichael Chadwick Chambers
        Clayton Coleman Crawford Cunningham Dalton Davenport Dawson Dickinson Donovan Doyle
        Eastwood Edgerton Elliott Ellsworth Fairbanks Faulkner Fenwick Fitzgerald Fletcher
        Garrison Gibbons Goodwin Grantham Greenwood Hadley Hamilton Harding Hargreaves Hartley
        Hathaway Haywood Henderson Hewitt Holbrook Hollis Holloway Huntley Hutchinson Jarvis
        Jennings Kendrick Kirkpatrick Lancaster Langley Lawson Livingston Lockwood Maddox
        Mansfield Marlowe Mercer Merrick Montgomery Mortimer Newell Northcott Oakley Ogden Osborne
        Parkinson Patterson Pemberton Pickering Prescott Radcliffe Ramsey Redmond Ridley
        Rutherford Sanderson Sheffield Sheridan Sinclair Stafford Stanton Sutherland Talbot
        Thornton Townsend Underwood Wainwright Wakefield Warwick Weatherby Wexford Whitaker
        Whitfield Winslow Woodward Yates
        """.split(),
    "de": """
        Achterberg Ahrendt Altenburg Arnold Bachmann Baumgarten Beckmann Bergmann Biedermann
        Birnbaum Bornemann Brandauer Breitner Brinkmann Buchholz Burmeister Dallmann Dietzel
        Dornbusch Drescher Eberlein Ehrhardt Eichhorn Engelmann Fahrenholz Falkenberg Feldmann
        Fichtner Friedmann Gebhardt Gerlach Grabowski Grothe Grünwald Haberland Hagedorn Hansen
        Hartwig Heidenreich Heinemann Hellwig Hennings Herbst Hofmeister Holtmann Hornung Ilgner
        Jessen Kaltenbach Kampmann Kessler Kirchner Klausner Kleinert Kortmann Kranz Krüger
        Kuhlmann Landauer Lehnert Leitner Lindemann Lohmann Lüders Mahlmann Markwardt Meinhardt
        Mittelstädt Neubauer Niehaus Nordhoff Oberländer Ostermann Pohlmann Querfurth Rademacher
        Rehberg Reimers Reuter Riedel Rosenthal Ruhland Sandmann Schachtner Scheffler Schilling
        Schlüter Schönfeld Seidel Siebert Sommerfeld Spielmann Stahlberg Steinhoff Strobel
        Tannhäuser Thalbach Tiedemann Uhlig Unterberger Vollmer Wachtel Wagenknecht Waldmann
        Wegener Weidlich Weingartner Wendland Westphal Wiedemann Winkelmann Wittkopf Zeidler
        Ziegenhagen
        """.split(),
    "fr": """
        Allard Aubert Auclair Barbier Beauchamp Beaulieu Bellanger Berthelot Bertin Blanchard
        Boisvert Bonhomme Bouchard Bourdon Boutin Brassard Carpentier Cartier Chabot Charpentier
        Chauvin Chevalier Clairmont Collard Cordier Courtois Courville Daigle Delacroix Delaunay
        Delmas Deschamps Desjardins Desrosiers Dubreuil Duchemin Dufresne Dumoulin Dupuis Duquesne
        Durand Fabre Faucher Ferrand Fontaine Forestier Fournier Gagnon Gaillard Garnier Gauthier
        Germain Girard Godard Grandjean Guichard Guérin Hamelin Hébert Jacquet Joubert Labonté
        Lachance Lacombe Lacroix Lafontaine Lagarde Lambert Langlois Laporte Lassalle Lavigne
        Leblanc Leclerc Lefèvre Legrand Lemoine Lenoir Leroux Levasseur Maillard Marchand Maréchal
        Masson Mercier Meunier Millet Monnier Montagne Moreau Morin Moulin Nadeau Pelletier
        Perrault Perrin Poirier Poulain Prévost Renaud Rivière Rochefort Rousseau Sauvage Savard
        Tessier Thibodeau Vaillant Valois Vasseur Verdier Villeneuve
        """.split(),
}
ZH_SURNAMES: Final = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳"
    "鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊"
    "纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫房裘缪干解应宗丁宣邓郁单杭洪包"
    "诸左石崔吉龚程邢裴陆荣翁曾叶刘白龙易文"
)
ZH_COMPOUND: Final = "欧阳 司马 上官 诸葛 夏侯 东方 皇甫 尉迟 公孙 慕容 令狐 司徒".split()
# Surnames given to surrogates: common, and no words by themselves.
ZH_FAMILY: Final = list(
    "赵孙吴郑冯陈蒋沈韩杨秦许吕张曹严魏姜谢邹潘葛范彭鲁袁唐薛贺倪罗郝顾孟黄萧姚邵汪戴宋熊董梁杜阮贾郭徐邱骆蔡樊胡凌霍卢莫邓洪崔龚程邢裴陆翁曾叶刘"
)
ZH_FEMALE: Final = """
    秀兰 桂英 淑珍 玉华 丽娟 晓燕 雪梅 婷婷 美玲 海燕 春燕 慧敏 佳怡 诗涵 欣怡 梦琪 雨桐 静怡 雅琴
    红霞 凤英 玉兰 秋月 彩云 素芬 艳丽 莉莉 思雨 若曦 紫萱 语嫣 晓雯 翠萍 月娥 巧玲 惠珍 芳华 淑芬
    佩瑶 婉清
    """.split()
ZH_MALE: Final = """
    建国 志强 国强 建华 志明 文斌 海涛 俊杰 浩然 子轩 宇航 明辉 伟东 晓东 振华 立新 永强 德明 国栋
    家豪 志远 天宇 嘉伟 文博 鹏飞 建平 卫东 新民 光明 庆林 学文 成龙 宏伟 景山 泽宇 瑞霖 浩宇 思远
    承志 云鹏
    """.split()
ZH_FEMALE_ONE: Final = list("芳娟敏静丽艳娜婷雪霞玲倩琳萍颖莉蕾薇菲莹")
ZH_MALE_ONE: Final = list("伟强磊洋勇军杰涛超刚辉鹏飞斌波凯浩峰健毅")
ZH_FEMALE_MARKS: Final = frozenset(
    "芳娟敏静丽艳娜婷雪霞玲倩琳萍颖莉蕾薇菲莹兰英珍华娅姗娥嫣琴瑶萱怡妍梅凤秀淑美慧雅香珠翠巧彩春菊月莺媛桂花"
)
ZH_MALE_MARKS: Final = frozenset(
    "伟强磊洋勇军杰涛超刚辉鹏飞斌波凯浩峰健毅国建志明文海俊宇东振立永德家天云山龙虎雄武力平保富贵"
)

TITLES: Final = frozenset(
    """
    mr mrs ms miss mx dr prof professor sir lord lady dame rev reverend father sister capt captain
    herr herrn frau fräulein dipl ing mag med phil jur rer nat hc jun sen jr sr ii iii iv phd md m
    mme mlle monsieur madame mademoiselle maître me docteur
    """.split()
)
PARTICLES: Final = frozenset(
    """
    von van der den zu zur vom del della di da dos das du la le les des el al bin ibn ben abu y
    und et and d o
    """.split()
)
ROLES: Final = frozenset(
    """
    info sales support team office contact hello mail admin service services kontakt no reply
    noreply press presse marketing job jobs career hr it help desk billing invoice invoices
    rechnung buchhaltung customer kunden group news newsletter shop web legal account accounts
    security
    """.split()
)
CITIES: Final = {
    "en": """
        Bristol Leeds Norwich Plymouth Exeter Derby Ipswich Swansea Dundee Chester Denver Portland
        Tucson Omaha Tulsa Wichita Spokane Boise Fresno Toledo Dayton Akron Knoxville Savannah
        Rochester Madison Lincoln Topeka Eugene Tacoma
        """.split(),
    "de": """
        Kassel Bremen Erfurt Rostock Magdeburg Augsburg Bielefeld Münster Braunschweig Kiel Lübeck
        Osnabrück Paderborn Würzburg Regensburg Ingolstadt Heilbronn Göttingen Trier Koblenz
        Siegen Jena Gera Cottbus Schwerin Flensburg Oldenburg Wuppertal Solingen Hildesheim
        """.split(),
    "fr": """
        Rennes Reims Toulon Grenoble Dijon Angers Nîmes Clermont Amiens Limoges Tours Metz
        Besançon Perpignan Orléans Caen Mulhouse Rouen Nancy Poitiers Avignon Bayonne Lorient
        Troyes Quimper Valence Chambéry Annecy Niort Vannes
        """.split(),
    "zh": """
        洛阳 开封 株洲 桂林 绵阳 宜昌 襄阳 九江 赣州 芜湖 蚌埠 徐州 扬州 绍兴 金华 泉州 漳州 汕头
        湛江 柳州 遵义 曲靖 宝鸡 咸阳 大同 包头 鞍山 锦州 齐齐哈尔 牡丹江
        """.split(),
}
STREETS: Final = {
    "de": """
        Ahorn Amsel Birken Buchen Dahlien Drossel Eichen Erlen Eschen Feld Finken Flieder Fichten
        Ginster Hasel Heide Holunder Kastanien Kiefern Lerchen Linden Meisen Mühlen Nelken Pappel
        Rosen Schwalben Tannen Tulpen Ulmen Veilchen Wacholder Weiden Wiesen
        """.split(),
    "en": """
        Alder Ashgrove Beechwood Birchfield Briar Brookside Cedar Chestnut Copperfield Cypress
        Elmwood Fernhill Foxglove Hawthorn Hazelwood Heather Holly Juniper Larkspur Laurel Linden
        Magnolia Maplewood Meadowbrook Mulberry Oakfield Orchard Poplar Primrose Rosewood Sycamore
        Thornhill Willowbank Woodbine Yewtree
        """.split(),
    "fr": """
        Acacias Aubépines Bleuets Bouleaux Bruyères Cèdres Cerisiers Charmes Châtaigniers
        Coquelicots Cyprès Érables Frênes Genêts Glycines Hêtres Hirondelles Iris Jonquilles
        Lauriers Lilas Marronniers Mésanges Mimosas Myosotis Noisetiers Noyers Ormes Peupliers
        Platanes Primevères Rossignols Saules Tilleuls Violettes
        """.split(),
}
POSTCODES: Final = {
    "de": [("34117", "Kassel"), ("18055", "Rostock"), ("99084", "Erfurt"), ("33602", "Bielefeld"),
           ("49074", "Osnabrück"), ("54290", "Trier"), ("07743", "Jena"), ("23552", "Lübeck"),
           ("97070", "Würzburg"), ("56068", "Koblenz")],
    "fr": [("35000", "Rennes"), ("51100", "Reims"), ("21000", "Dijon"), ("87000", "Limoges"),
           ("57000", "Metz"), ("14000", "Caen"), ("86000", "Poitiers"), ("29000", "Quimper"),
           ("74000", "Annecy"), ("79000", "Niort")],
    "us": [("83702", "Boise", "ID"), ("74103", "Tulsa", "OK"), ("68102", "Omaha", "NE"),
           ("99201", "Spokane", "WA"), ("43604", "Toledo", "OH"), ("66603", "Topeka", "KS"),
           ("97401", "Eugene", "OR"), ("31401", "Savannah", "GA"), ("53703", "Madison", "WI"),
           ("44308", "Akron", "OH")],
}  # fmt: skip
FIRMS: Final = {
    "en": """
        Ashbourne Brightwater Castlegate Dunmore Eastbrook Fairhaven Glenfield Highmoor Ironbridge
        Kingsmere Lakeview Millbrook Northgate Oakhurst Pinecrest Queensbury Ravenhill Silverton
        Stonebridge Thornbury Upland Westfield Windermere Wolverley Yarrow
        """.split(),
    "de": """
        Adlerhorst Bergquell Brunnthal Dünenfeld Elbtal Felsenhof Fördeland Grünhagen Hafenblick
        Heidekamp Isartal Kiefernhain Lindwerk Marschland Neckarfels Nordhafen Oderbruch Rheinkamp
        Saaleblick Seehausen Steinfurt Talwerk Uferstein Weserhof Windfeld
        """.split(),
    "fr": """
        Arcadie Beaulieu Belval Clairval Courtil Fontvieille Garrigue Hautmont Joncy Landemont
        Lormeau Malvoisin Montclair Orval Pontclair Rochebrune Roselend Sainval Semnoz Sorbier
        Tréville Valbelle Valmont Vernay Vieuxpont
        """.split(),
    "zh": """
        远航 恒信 嘉禾 瑞丰 星海 博川 鼎原 汇泽 锦程 凌云 启晟 润达 盛泰 天衡 万林 新澜 扬帆 云岭
        正源 中砺
        """.split(),
}
FIRM_KINDS: Final = frozenset(
    """
    GmbH AG KG OHG SE eG gGmbH UG Inc Inc. LLC Ltd Ltd. Limited PLC plc Corp Corp. Corporation
    Company Co Co. Group Holding Holdings Bank University College Hospital School Institute
    Foundation SA S.A. SARL SAS SASU SNC EURL Klinik Universität Hochschule Schule Stiftung Verlag
    Werke Gruppe Université Hôpital Fondation Banque Partners Associates Systems Technologies
    Industries
    """.split()
)
ZH_FIRM_KINDS: Final = (
    """
    股份有限公司 有限责任公司 科技有限公司 有限公司 集团公司 公司 集团 银行 大学 学院 医院 研究院
    研究所 中学 小学 基金会 出版社
    """
).split()
